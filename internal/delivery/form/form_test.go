package form

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

// prss returns a contract that is complete.
func prss() Contract {
	c := Ready()["prss"]
	c.Station, c.Programme = "harbour", "Echoes Hour 1 Sonic Sea"
	return c
}

func station(windows ...schedules.Window) schedules.Station {
	return schedules.Station{ID: "harbour", Timezone: "UTC", Windows: windows}
}

func window(id, zone, rule string) schedules.Window {
	return schedules.Window{ID: id, Starts: schedules.Recurrence{Timezone: zone, RRule: rule}, FrequencyKHz: 7205,
		Length: schedules.Ms(1_800_000)}
}

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func TestTheReadyContractsAreWholeOnceTheirStationIsNamed(t *testing.T) {
	if len(Ready()) != 3 {
		t.Errorf("there are %d", len(Ready()))
	}
	for name, c := range Ready() {
		if c.ID != name {
			t.Errorf("%s has the id %s", name, c.ID)
		}
		if err := c.Check(); !fault.Is(err, fault.Invalid) || len(fault.FieldsOf(err)) != 1 {
			t.Errorf("%s without a station: %v", name, err)
		}
		c.Station = "harbour"
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryWrongFieldOfAContractIsNamed(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	for field, spoil := range map[string]func(*Contract){
		"id":                 func(c *Contract) { c.ID = "No Id" },
		"station":            func(c *Contract) { c.Station = "" },
		"window":             func(c *Contract) { c.Window = "a/b" },
		"broadcaster":        func(c *Contract) { c.Broadcaster = "two\nlines" },
		"programme":          func(c *Contract) { c.Programme = "" },
		"audio.codec":        func(c *Contract) { c.Audio.Codec = "ogg" },
		"audio.channels":     func(c *Contract) { c.Audio.Channels = 6 },
		"audio.sample_rate":  func(c *Contract) { c.Audio.Rate = 96_000 },
		"audio.bitrate_kbps": func(c *Contract) { c.Audio.Kbps = 257 },
		"audio.joint_stereo": func(c *Contract) { c.Audio.Channels, c.Audio.Kbps = 1, 128 },
		"length.shorter_ms":  func(c *Contract) { c.Length.Shorter = schedules.Ms(-1) },
		"length.lead_in_ms":  func(c *Contract) { c.Length.LeadIn = schedules.Ms(3_600_000) },
		"level.target_lufs":  func(c *Contract) { c.Level.Target = number(3) },
		"level.peak_dbtp":    func(c *Contract) { c.Level.Peak = number(1) },
		"level.tolerance_lu": func(c *Contract) { c.Level.Target = nil },
		"naming.timezone":    func(c *Contract) { c.Naming.Zone = "Local" },
		"naming.longest":     func(c *Contract) { c.Naming.Longest = 4000 },
		"naming.template":    func(c *Contract) { c.Naming.Template = "{date:MMdd} {programme}" },
		"naming.static":      func(c *Contract) { c.Naming.Static, c.Evergreen = true, "evergreen" },
		"evergreen":          func(c *Contract) { c.Naming.Static, c.Naming.Template = true, "{programme}" },
		"parts":              func(c *Contract) { c.Parts = 100; c.Naming.Template = "{date:yyMMdd} {part}" },
		"sidecars[0].kind":   func(c *Contract) { c.Sidecars = []Sidecar{{Kind: "crc"}} },
		"sidecars[1].ending": func(c *Contract) { c.Sidecars = []Sidecar{{Kind: SHA256}, {Kind: MD5, Ending: ".SHA256"}} },
		"sidecars":           func(c *Contract) { c.Sidecars = []Sidecar{{Kind: Trigger}, {Kind: Trigger, Ending: ".go"}} },
		"metadata[0]":        func(c *Contract) { c.Metadata = []Metadata{Cart} },
		"deadline_ms":        func(c *Contract) { c.Deadline = schedules.Ms(-1) },
		"retention_ms":       func(c *Contract) { c.Retention = schedules.Ms(-1) },
		"stream":             func(c *Contract) { c.WhenLate, c.Stream = AirsStream, "file:///etc/passwd" },
		"when_late":          func(c *Contract) { c.WhenLate = "whatever" },
		"contacts[0]":        func(c *Contract) { c.Contacts = []Contact{{Name: "Nobody"}} },
		"contacts[0].phone":  func(c *Contract) { c.Contacts = []Contact{{Name: "Ann", Phone: "\x00"}} },
		"runbook":            func(c *Contract) { c.Runbook = strings.Repeat("x", 20_001) },
	} {
		c := prss()
		spoil(&c)
		err := c.Check()
		named := fault.FieldsOf(err)
		if !fault.Is(err, fault.Invalid) || len(named) != 1 || named[0].Field != field {
			t.Errorf("%s: %v", field, named)
		}
	}
	c := prss()
	for template, right := range map[string]bool{"{date}{frequency}{revision}": false, "{date}{revision}{window}": false,
		"{date} {window} {revision}": true, "{window}{date}{revision}": true} {
		c.Naming.Template = template
		if err := c.Check(); (err == nil) != right {
			t.Errorf("%s: %v", template, err)
		}
	}
	if err := prss().Check(); err != nil {
		t.Errorf("nothing is wrong: %v", err)
	}
}

func TestBitratesThatALayerDoesNotKnowAreRefused(t *testing.T) {
	for c, right := range map[Coding]bool{
		{Codec: MP3, Rate: 22_050, Channels: 1, Kbps: 32}:  true,
		{Codec: MP3, Rate: 22_050, Channels: 1, Kbps: 320}: false,
		{Codec: MP3, Rate: 44_100, Channels: 2, Kbps: 320}: true,
		{Codec: MP2, Rate: 48_000, Channels: 2, Kbps: 384}: true,
		{Codec: MP2, Rate: 48_000, Channels: 1, Kbps: 384}: false,
		{Codec: MP2, Rate: 48_000, Channels: 2, Kbps: 32}:  false,
		{Codec: MP2, Rate: 48_000, Channels: 1, Kbps: 32}:  true,
		{Codec: WAV, Rate: 96_000, Channels: 2}:            true,
		{Codec: FLAC, Rate: 48_000, Channels: 2, Kbps: 32}: false,
	} {
		p := &problems{}
		p.coding(c)
		if (len(p.list) == 0) != right {
			t.Errorf("%+v: %v", c, p.list)
		}
	}
}

func TestTheLengthOfAFileFollowsFromItsSlot(t *testing.T) {
	shorter := Ready()["short-wave"].Length
	framed := Length{LeadIn: schedules.Ms(2000), Tail: schedules.Ms(1000)}
	half := 30 * time.Minute
	for _, c := range []struct {
		rule      Length
		file      time.Duration
		programme time.Duration
		takes     map[time.Duration]bool
	}{
		{shorter, 28*time.Minute + 30*time.Second, 28*time.Minute + 30*time.Second, map[time.Duration]bool{
			28*time.Minute + 30*time.Second: true, 20 * time.Minute: true, half: false, 0: false}},
		{Length{}, half, half, map[time.Duration]bool{half: true, half - time.Millisecond: false}},
		{framed, half, half - 3*time.Second, map[time.Duration]bool{half - 3*time.Second: true, half: false}},
	} {
		if got := c.rule.File(half); got != c.file {
			t.Errorf("%+v: the file has %v", c.rule, got)
		}
		if got := c.rule.Programme(half); got != c.programme {
			t.Errorf("%+v: the programme has %v", c.rule, got)
		}
		for d, want := range c.takes {
			if c.rule.Takes(d, half) != want {
				t.Errorf("%+v takes %v: %v", c.rule, d, !want)
			}
		}
	}
}

func TestNamesAreThoseOfTheSites(t *testing.T) {
	at := time.Date(2002, 12, 25, 23, 5, 9, 0, time.UTC)
	a := Occasion{Station: "harbour", Window: "dawn", StartAt: at, EndAt: at.Add(time.Hour), FrequencyKHz: 7205, Part: 2,
		Revision: 3}
	c := prss()
	c.Naming.Zone = "UTC"
	if got, err := c.FileName(a); err != nil || got != "021225 Echoes Hour 1 Sonic Sea.mp2" {
		t.Errorf("%q, %v", got, err)
	}
	c.Parts, c.Broadcaster, c.Naming = 12, "LL", Naming{Zone: "Asia/Seoul"}
	for template, want := range map[string]string{
		"{broadcaster}-{date:yyyy.MM.dd}":      "LL-2002.12.26.mp2",
		"{weekday}-{date}-{part}-{parts}":      "THU-20021226-02-12.mp2",
		"{utc}_{frequency}_{revision}":         "20021225-2305_7205_3.mp2",
		"{window}{date:yy-DDD}{time:HH-mm-ss}": "dawn02-36008-05-09.mp2",
		"x{station}{utc:dd MM yyyy}":           "xharbour25 12 2002.mp2",
		"{":                                    "",
		"}":                                    "",
		"{part:MM}":                            "",
		"{date:hh}":                            "",
		"{date:}":                              "",
		"{title}":                              "",
		"../{date}":                            "",
		".{date}":                              "",
		"{date}.":                              "",
		"NUL.{date}":                           "",
		"{date}" + strings.Repeat("x", 93):     "",
		"{date}:":                              "",
		"":                                     "",
	} {
		c.Naming.Template = template
		got, err := c.FileName(a)
		if want != "" && (err != nil || got != want) {
			t.Errorf("%s: %q, %v", template, got, err)
		}
		if want == "" && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q, %v", template, got, err)
		}
	}
}

// The expected results follow from the calendar: no name is computed here.
func TestATemplateUnderWhichTwoAiringsHaveOneNameIsRefused(t *testing.T) {
	daily := window("dawn", "UTC", "DTSTART:20260301T040000\nRRULE:FREQ=DAILY")
	late := window("late", "UTC", "DTSTART:20260301T223000\nRRULE:FREQ=DAILY")
	twice := window("twice", "UTC", "DTSTART:20260301T040000\nRRULE:FREQ=DAILY;BYHOUR=4,16")
	for name, c := range map[string]struct {
		template, zone string
		windows        []schedules.Window
		parts          int
		at             string // of the second of the clash; "": there is none
	}{
		"a day for each":                {"{date}", "UTC", []schedules.Window{daily}, 1, ""},
		"two in one day":                {"{date}", "UTC", []schedules.Window{twice}, 1, "2026-03-01 16:00"},
		"two in one day, with the time": {"{date}{time:HH}", "UTC", []schedules.Window{twice}, 1, ""},
		"two windows":                   {"{date}", "UTC", []schedules.Window{daily, late}, 1, "2026-03-01 22:30"},
		"two windows that are named":    {"{date}{window}", "UTC", []schedules.Window{daily, late}, 1, ""},
		"two parts":                     {"{date}{part}", "UTC", []schedules.Window{daily}, 2, ""},
		"a day of 25 hours in Berlin":   {"{date}", "Europe/Berlin", []schedules.Window{late}, 1, "2026-10-25 22:30"},
		"the same with the day in UTC":  {"{utc:yyyyMMdd}", "Europe/Berlin", []schedules.Window{late}, 1, ""},
		"windows that case alone tells": {"{date}{window}", "UTC", []schedules.Window{daily,
			window("DAWN", "UTC", "DTSTART:20260301T120000\nRRULE:FREQ=DAILY")}, 1, "2026-03-01 12:00"},
		"a window once in four years": {"{date:yyyyDDD}", "UTC", []schedules.Window{
			window("leap", "UTC", "DTSTART:20280229T040000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
			window("march", "UTC", "DTSTART:20280301T050000\nRRULE:FREQ=YEARLY;INTERVAL=4")}, 1, ""},
		"a clash after 24 years": {"{date}", "UTC", []schedules.Window{
			window("one", "UTC", "DTSTART:20260301T040000\nRRULE:FREQ=YEARLY"),
			window("other", "UTC", "DTSTART:20500301T120000")}, 1, "2050-03-01 12:00"},
	} {
		contract := prss()
		contract.Naming = Naming{Template: c.template, Zone: c.zone}
		contract.Parts = c.parts
		err := NoClash(start, Holding{contract, station(c.windows...)})
		var clash *Clash
		switch errors.As(err, &clash) {
		case false:
			if err != nil || c.at != "" {
				t.Errorf("%s: no clash, %v", name, err)
			}
		default:
			if got := clash.Second.StartAt.UTC().Format("2006-01-02 15:04"); got != c.at || !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAStaticNameIsTakenForAllAiringsOfItsContractAlone(t *testing.T) {
	c := Ready()["affiliate"]
	c.Station = "harbour"
	on := station(window("dawn", "UTC", "DTSTART:20260301T040000\nRRULE:FREQ=DAILY"))
	if err := NoClash(start, Holding{c, on}); err != nil {
		t.Error(err)
	}
	other := c
	other.ID = "other"
	if err := NoClash(start, Holding{c, on}, Holding{other, on}); !fault.Is(err, fault.Conflict) {
		t.Errorf("two contracts: %v", err)
	}
	other.Naming.Template, other.Audio = "{programme}", Coding{Codec: WAV, Rate: 48_000, Channels: 2}
	other.Metadata = nil
	if err := NoClash(start, Holding{c, on}, Holding{other, on}); err != nil {
		t.Errorf("another ending: %v", err)
	}
	c.Sidecars = []Sidecar{{Kind: Rundown, Ending: ".x", Instead: true}}
	other.Sidecars = []Sidecar{{Kind: Trigger, Ending: ".X", Instead: true}}
	if err := NoClash(start, Holding{c, on}, Holding{other, on}); !fault.Is(err, fault.Conflict) {
		t.Errorf("sidecars of one name: %v", err)
	}
}
