package commands

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/audio"
	"lifeline/internal/bcp47"
	"lifeline/internal/charset"
	"lifeline/internal/cmdline"
	"lifeline/internal/hfcc"
	"lifeline/internal/httpapi"
	"lifeline/internal/kinds"
	"lifeline/internal/mirror/push"
	"lifeline/internal/trust"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// forms are the checks that the struct tag "form" of flags and arguments names. They check the form alone; whether the
// thing exists is for the service.
var forms = cmdline.Forms{
	"id": cmdline.ID,
	"subject": func(text string) error {
		return cmdline.Unless(wire.ValidSubject(text), "%q is no subject: it has 1 to 255 printable characters of ASCII, "+
			"without spaces", text)
	},
	"label": func(text string) error {
		return cmdline.Unless(schedules.ValidLabel(text), "%q is not a valid name: it has 1 to 63 letters and digits of any "+
			"script, '.', '_' and '-', and begins with a letter or digit", text)
	},
	"operation": httpapi.CheckOperation,
	"assignment": func(text string) error {
		_, _, err := assigned(text)
		return err
	},
	"day": func(text string) error {
		_, err := dayOf(text, time.Time{}, dateIn(time.UTC))
		return err
	},
	"days": daysForm,
	"instant": func(text string) error {
		_, err := instantOf(text, time.UTC)
		return err
	},
	"item": func(text string) error {
		return cmdline.Unless(schedules.ValidID(text) || isTime(text), "%q is neither an item's id nor a time of the "+
			"day such as 17:30 or 17:30:05", text)
	},
	"time": func(text string) error {
		return cmdline.Unless(isTime(text), "%q is not a time of the day such as 22:00 or 22:00:30", text)
	},
	"start": func(text string) error {
		_, err := time.Parse(time.RFC3339, text)
		_, clock := time.Parse("15:04", text)
		return cmdline.Unless(err == nil || clock == nil, "%q is neither a time of the day such as 04:10 nor an "+
			"instant such as 2026-11-29T04:10:00Z", text)
	},
	"zone": func(text string) error {
		_, err := schedules.Zone(text)
		return cmdline.Unless(err == nil, "there is no time zone %q: write one such as Asia/Seoul", text)
	},
	"language": func(text string) error {
		_, err := bcp47.Canonical(text)
		return err
	},
	"charset": func(text string) error {
		_, err := charset.Decode(nil, text)
		return err
	},
	"kind":   oneOf(func() []string { return words(schedules.Kinds) }),
	"state":  oneOf(func() []string { return words(schedules.AllStates) }),
	"owed":   oneOf(func() []string { return []string{"owed", "planned", "aired", "waived"} }),
	"change": oneOf(kinds.All.ChangeNames),
	"profile": oneOf(func() (out []string) {
		for _, p := range audio.Profiles() {
			out = append(out, p.Name)
		}
		return out
	}),
	"number": func(text string) error {
		n, err := strconv.Atoi(text)
		return cmdline.Unless(err == nil && n > 0, "%q is not a whole number from 1", text)
	},
	"hash": func(text string) error {
		return cmdline.Unless(regexp.MustCompile(wire.HashForm).MatchString(text), "%q is not a SHA-256 in hexadecimal", text)
	},
	"season": func(text string) error {
		_, err := hfcc.ParseSeason(text)
		return err
	},
	"key":    cmdline.PublicKey,
	"target": push.Check,
	"recipient": func(text string) error {
		_, err := trust.ParseRecipient(text)
		return err
	},
	"url":     cmdline.URL,
	"address": cmdline.ListenAddress,
	"window": func(text string) error {
		return cmdline.Unless(slices.Contains([]string{".wav", ".flac"}, filepath.Ext(text)), "%s must end in .flac or .wav",
			filepath.Base(text))
	},
	"existing": func(text string) error {
		_, err := os.Stat(text)
		return err
	},
	"earlier": cmdline.EarlierBundle,
}

// daysForm checks a day, or a range of days. It does not check the order of days named in words: that depends on a
// station's time.
func daysForm(text string) error {
	first, last, many := strings.Cut(text, "..")
	day := func(s string) (schedules.Date, error) { return dayOf(s, time.Time{}, dateIn(time.UTC)) }
	_, err := day(first)
	if err != nil || !many {
		return err
	}
	if _, err := day(last); err != nil {
		return err
	}
	if _, err := schedules.ParseDate(first); err != nil {
		return nil
	}
	if _, err := schedules.ParseDate(last); err != nil {
		return nil
	}
	_, err = daysOf(text, day)
	return err
}

func isTime(text string) bool {
	_, err := time.Parse(time.TimeOnly, text)
	_, short := time.Parse("15:04", text)
	return err == nil || short == nil
}

// oneOf returns the form of a value from a list.
func oneOf(list func() []string) func(string) error {
	return func(text string) error {
		all := list()
		return cmdline.Unless(slices.Contains(all, text), "%q is unknown: use one of %s", text, strings.Join(all, ", "))
	}
}

// words returns a list as texts.
func words[T ~string](list []T) (out []string) {
	for _, one := range list {
		out = append(out, string(one))
	}
	return out
}
