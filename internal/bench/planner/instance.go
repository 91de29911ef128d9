package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"lifeline/schedules"
)

// instance is one planning problem of the benchmark: a library, and 28 days of two gaps an hour between posts.
type instance struct {
	n        int
	unit     string // ms, frames, seconds
	segments []schedules.Segment
	input    schedules.Input // of the first day; without history
	days     int
}

const (
	hour     = 3_600_000
	topPost  = 180_000
	halfPost = 12_345
)

var firstDay = schedules.Date{Year: 2023, Month: time.October, Day: 2}

// newInstance generates the benchmark's library: durations 15% of 10-60 s, 55% of 90-420 s, 25% of 420-1,200 s, 5% of
// 1,200-1,800 s; N/8 series; languages 50/30/20; 10% limited by date, 10% to 06-22.
func newInstance(n int, unit string, seed uint64, days int) instance {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	in := instance{n: n, unit: unit, days: days}
	for i := range n {
		s := schedules.Segment{ID: fmt.Sprintf("s%06d", i), Revision: 1, Kind: "testimony", Title: fmt.Sprintf("Segment %d",
			i),
			State: schedules.Approved, Series: fmt.Sprintf("series-%05d", rng.IntN(max(n/8, 1)))}
		switch x := rng.IntN(100); {
		case x < 50:
			s.Language = "ko-KP"
		case x < 80:
			s.Language = "cmn-Hans"
		default:
			s.Language = "en"
		}
		switch rng.IntN(10) {
		case 0: // limited by date: three weeks within the month
			from := firstDay.AddDays(rng.IntN(22) - 7)
			s.ValidFrom, s.ValidUntil = midnight(from), midnight(from.AddDays(21))
		case 1:
			s.Tags = []string{"daytime"}
		}
		s.Recording = recording(s.ID, length(rng, unit))
		in.segments = append(in.segments, s)
	}
	for _, p := range []struct {
		id string
		ms int64
	}{{"post-top", topPost}, {"post-half", halfPost}} {
		in.segments = append(in.segments, schedules.Segment{ID: p.id, Revision: 1, Kind: "ident", Title: p.id,
			Language: schedules.NoLanguage,
			State:    schedules.Approved, Recording: recording(p.id, p.ms)})
	}
	in.input = schedules.Input{Station: station(), Date: firstDay, Clocks: map[string]schedules.Clock{"hour": clock(20)},
		Seed: seed}
	return in
}

func midnight(d schedules.Date) schedules.Instant {
	return schedules.At(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC))
}

// length draws an air time. Frames are MPEG-1 layer III at 44.1 kHz, 1,152 samples each, to the nearest millisecond.
func length(rng *rand.Rand, unit string) int64 {
	lo, hi := 10, 60
	switch x := rng.IntN(100); {
	case x >= 95:
		lo, hi = 1200, 1800
	case x >= 70:
		lo, hi = 420, 1200
	case x >= 15:
		lo, hi = 90, 420
	}
	ms := int64(lo*1000 + rng.IntN((hi-lo)*1000))
	switch unit {
	case "frames":
		return (ms*44_100/1_152_000*1_152_000 + 22_050) / 44_100
	case "seconds":
		return ms / 1000 * 1000
	}
	return ms
}

func recording(id string, ms int64) *schedules.Recording {
	return &schedules.Recording{SHA256: "sha-" + id, Bytes: ms * 6, ContentType: "audio/mpeg", Duration: schedules.Ms(ms),
		CueOut: schedules.Ms(ms)}
}

func station() schedules.Station {
	return schedules.Station{ID: "bench", Name: "Bench", Timezone: "UTC", Languages: []string{"ko-KP", "cmn-Hans", "en"},
		Windows: []schedules.Window{{ID: "hourly", Length: schedules.Ms(hour), Tolerance: schedules.Ms(1000), Clock: "hour",
			Starts: schedules.Recurrence{Timezone: "UTC", RRule: "DTSTART:20230101T000000\n" +
				"RRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0;BYSECOND=0"}}}}
}

// clock is the hour with two gaps, each filled to within near milliseconds.
func clock(near int64) schedules.Clock {
	top, half, two := schedules.Ms(0), schedules.Ms(hour/2), 2
	material := &schedules.Selector{Kinds: []schedules.Kind{"testimony"}}
	return schedules.Clock{ID: "hour", Length: schedules.Ms(hour), Positions: []schedules.Position{
		{ID: "top", At: &top, Start: schedules.Hard, Segment: "post-top"},
		{ID: "first", Fill: material, Near: schedules.Ms(near)},
		{ID: "half", At: &half, Start: schedules.Hard, Segment: "post-half"},
		{ID: "second", Fill: material, Near: schedules.Ms(near)},
	}, Rules: []schedules.Rule{
		{ID: "item rest 4 h", Only: material, Separate: "segment", For: schedules.Ms(4 * hour), Hard: true},
		{ID: "series rest 1 h", Only: material, Separate: "series", For: schedules.Ms(hour), Hard: true},
		{ID: "at most 2 a day", Only: material, AtMost: &two, Per: "day", Of: schedules.Of{Each: "segment"}, Hard: true},
		{ID: "daytime 06-22", Only: &schedules.Selector{Tags: []string{"daytime"}}, KeepTo: &schedules.Daypart{From: 6 * 60,
			Until: 22 * 60}, Hard: true},
	}}
}
