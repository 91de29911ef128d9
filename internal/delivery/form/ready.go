package form

import (
	"time"

	"lifeline/schedules"
)

// Ready returns the contracts whose forms are published, by name. Station, contacts and the texts of the site remain to
// be filled in.
func Ready() map[string]Contract {
	number := func(v float64) *float64 { return &v }
	return map[string]Contract{
		// prss.org/producers/preparing/ftp.cfm: the deadline is that of daily programmes.
		"prss": {
			ID: "prss", Programme: "Programme",
			Audio:    Coding{Codec: MP2, Rate: 44_100, Channels: 2, Kbps: 256, Joint: true},
			Level:    Level{Target: number(-24), Tolerance: 2, Peak: number(-2)},
			Naming:   Naming{Template: "{date:yyMMdd} {programme}", Zone: "America/New_York", Longest: 30, Plain: true},
			Deadline: schedules.Millis{Duration: 4 * time.Hour}, WhenLate: AirsEvergreen,
		},
		// bvbroadcasting.org/about/policy: programmes five weeks ahead, else an earlier one is aired.
		"short-wave": {
			ID: "short-wave", Broadcaster: "Broadcaster",
			Audio:    Coding{Codec: MP3, Rate: 22_050, Channels: 1, Kbps: 32},
			Length:   Length{Shorter: schedules.Millis{Duration: 90 * time.Second}, AtLeast: true},
			Naming:   Naming{Template: "{broadcaster}-{utc:yyyyMMdd-HHmm}", Zone: "UTC"},
			Deadline: schedules.Millis{Duration: 35 * 24 * time.Hour}, WhenLate: AirsLast,
		},
		// Stations that replace one file daily or weekly, as cbaa.org.au describes.
		"affiliate": {
			ID: "affiliate", Programme: "Programme", Evergreen: "evergreen",
			Audio:    Coding{Codec: MP3, Rate: 44_100, Channels: 2, Kbps: 128, Joint: true},
			Level:    Level{Peak: number(-1)},
			Naming:   Naming{Template: "{programme}", Zone: "UTC", Static: true},
			Metadata: []Metadata{ID3},
			Deadline: schedules.Millis{Duration: 4 * time.Hour}, WhenLate: AirsLast,
		},
	}
}
