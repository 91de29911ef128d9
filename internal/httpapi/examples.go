package httpapi

import (
	"time"

	"lifeline/internal/openapi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// The examples of the document: one station's evening.

const exampleHash = "5f0c4a1b7d9e2c3f8a6b5d4e3c2b1a0f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b"

var (
	exampleDate     = schedules.Date{Year: 2023, Month: time.October, Day: 27}
	exampleStart    = schedules.At(time.Date(2023, time.October, 27, 13, 9, 25, 0, time.UTC))
	exampleLoudness = -23.0
	exampleLevel    = -19.2

	exampleSegment = schedules.Segment{ID: "reading-ko-full-hana", Revision: 4, Kind: "reading",
		Title: "The appeal, whole", Language: "ko-KP", Voice: "Hana",
		Series: "appeal", Tags: []string{"appeal"}, Script: &schedules.ScriptRef{ID: "appeal", Version: 3,
			Passages: []int{1, 2, 3}}, Persons: []string{"p17"},
		ValidFrom: schedules.At(time.Date(2023, time.October, 11, 0, 0, 0, 0, time.UTC)), State: schedules.Approved,
		UploadedBy: "Hana",
		Recording: &schedules.Recording{SHA256: exampleHash, Bytes: 2761920, ContentType: "audio/mpeg", AnalysisVersion: 1,
			Duration: schedules.Ms(460123), SampleRate: 24000,
			Channels: 1, BitrateKbps: 48, BitrateMode: "cbr", IntegratedLUFS: &exampleLevel, CueIn: schedules.Ms(120),
			CueOut: schedules.Ms(459800)}}

	exampleSegmentNow = wire.SegmentNow{Segment: exampleSegment, AirableOn: []string{"lantern-coast"}}

	exampleChanged = wire.ChangedSegment{Segment: exampleSegment, AirableOn: exampleSegmentNow.AirableOn}

	exampleScript = schedules.Script{ID: "appeal", Title: "The appeal", Languages: []string{"ko-KP"},
		Versions: []schedules.ScriptVersion{
			{Version: 1, Passages: []schedules.Passage{{Number: 1, Text: map[string]string{"ko-KP": "…"}}}}}}

	exampleStation = schedules.Station{ID: "lantern-coast", Name: "Lantern Coast Relay", Timezone: "Asia/Tashkent",
		Languages: []string{"ko-KP"}, Freeze: schedules.Ms(1800000),
		LoudnessTarget: &exampleLoudness, Fallback: []string{"evergreen-ko-1"}, Windows: []schedules.Window{{ID: "evening",
			Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20230901T130000\nRRULE:FREQ=DAILY"},
			Length: schedules.Ms(3570000), Tolerance: schedules.Ms(1000),
			Clock: "hour-ko", Languages: []string{"ko-KP"}, FrequencyKHz: 9467}}}

	exampleClock = schedules.Clock{ID: "hour-ko", Length: schedules.Ms(3570000), Positions: []schedules.Position{
		{ID: "open", Segment: "sign-on-ko"}, {ID: "appeal", Pick: &schedules.Selector{Kinds: []schedules.Kind{"reading"},
			Language: "ko-KP"}, Chain: true},
		{ID: "rest", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony", "letter", "music"}}},
		{ID: "close", AtEnd: true, Segment: "sign-off-ko"}},
		Rules: []schedules.Rule{{Separate: "segment", For: schedules.Ms(14400000), Hard: true}}}

	exampleCampaign = schedules.Campaign{ID: "appeal-daily", Title: "The appeal, every day",
		Of: schedules.Selector{Tags: []string{"appeal"}}, AtLeast: 3, Hard: true}

	exampleItem = schedules.Item{ID: "8d0e1c66a4f2b913", Window: "evening", Position: "appeal",
		SegmentID: "reading-ko-full-hana", SHA256: exampleHash, Kind: "reading",
		Language: "ko-KP", Title: "The appeal, whole", Voice: "Hana", StartAt: exampleStart, Start: schedules.Follow,
		Duration: schedules.Ms(459680), CueIn: schedules.Ms(120), CueOut: schedules.Ms(459800)}

	exampleSlot = schedules.Slot{Occurrence: schedules.Occurrence{Window: "evening", Date: exampleDate,
		StartAt: schedules.At(time.Date(2023, time.October, 27, 13, 0, 0, 0, time.UTC)),
		EndAt:   schedules.At(time.Date(2023, time.October, 27, 13, 59, 30, 0, time.UTC))}, Tolerance: schedules.Ms(1000),
		Planned: schedules.Ms(3570000)}

	exampleRundown = schedules.Rundown{Station: "lantern-coast", Date: exampleDate, Timezone: "Asia/Tashkent", Revision: 7,
		Status: schedules.Draft, Seed: 7,
		Windows: []schedules.Slot{exampleSlot}, Items: []schedules.Item{exampleItem}, Warnings: []schedules.Warning{}}

	exampleQueue = wire.Queue{Schema: wire.QueueSchema, Station: "lantern-coast", Date: exampleDate,
		Timezone: "Asia/Tashkent", Revision: 7, PublishedAt: exampleStart,
		ExpiresAt: examplePlus(6), Windows: []schedules.Slot{exampleSlot}, Fallback: []wire.QueueItem{}, Recalled: []string{},
		Items: []wire.QueueItem{{ID: exampleItem.ID,
			Window: "evening", Position: "appeal", SegmentID: "reading-ko-full-hana", Kind: "reading", Language: "ko-KP",
			Title: "The appeal, whole", Voice: "Hana",
			StartAt: &exampleStart, StartMs: exampleStart.UnixMilli(), Start: schedules.Follow, Duration: exampleItem.Duration,
			CueIn: exampleItem.CueIn, CueOut: exampleItem.CueOut,
			GainDB: -3.8, Audio: wire.AudioRef{SHA256: exampleHash, Bytes: 2761920, ContentType: "audio/mpeg",
				URL: "https://lifeline.example/v1/audio/" + exampleHash + ".mp3"}}}}

	exampleProof = wire.Envelope{PayloadType: wire.ProofType, Payload: "eyJzY2hlbWEiOiLigKYifQ==",
		Signatures: []wire.Signature{{KeyID: "9f2c51d07be3a846", Sig: "c2lnbmF0dXJl"}}}
	exampleFreshness = wire.Envelope{PayloadType: wire.FreshnessType,
		Payload:    "eyJzY2hlbWEiOiJsaWZlbGluZS5mcmVzaG5lc3MvMSJ9",
		Signatures: exampleEnvelope.Signatures}
	exampleMirrorList = wire.Envelope{PayloadType: wire.MirrorListType,
		Payload:    "eyJzY2hlbWEiOiJsaWZlbGluZS5taXJyb3ItbGlzdC8xIn0=",
		Signatures: exampleEnvelope.Signatures}
	exampleReceipts = wire.Envelope{PayloadType: wire.ReceiptsType,
		Payload:    "eyJzY2hlbWEiOiJsaWZlbGluZS5yZWNlaXB0cy8xIn0=",
		Signatures: exampleEnvelope.Signatures}
	exampleLease = wire.Envelope{PayloadType: wire.LeaseType, Payload: "eyJzY2hlbWEiOiJsaWZlbGluZS5sZWFzZS8xIn0=",
		Signatures: []wire.Signature{{KeyID: "9f2c51d07be3a846", Sig: "c2lnbmF0dXJl"}}}
	exampleEnvelope = wire.Envelope{PayloadType: wire.QueueType, Payload: "eyJzY2hlbWEiOiJsaWZlbGluZS5xdWV1ZS8xIn0=",
		Signatures: []wire.Signature{{KeyID: "9f2c51d07be3a846", Sig: "c2lnbmF0dXJl"}}}
)

// examplePlus returns the instant so many hours after the example's start.
func examplePlus(hours int) schedules.Instant {
	return schedules.At(exampleStart.Add(time.Duration(hours) * time.Hour))
}

func instantSchema() *openapi.Schema {
	s := openapi.String()
	s.Format = "date-time"
	return s
}
