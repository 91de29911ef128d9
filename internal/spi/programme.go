package spi

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

// epg is a PI document (clause 7).
type epg struct {
	XMLName   xml.Name `xml:"epg"`
	Namespace string   `xml:"xmlns,attr"`
	Language  string   `xml:"xml:lang,attr"`
	Schedule  schedule `xml:"schedule"`
}

type schedule struct {
	Version    int64       `xml:"version,attr"`
	Created    string      `xml:"creationTime,attr,omitempty"`
	Originator string      `xml:"originator,attr"`
	Language   string      `xml:"xml:lang,attr"`
	Scope      scope       `xml:"scope"`
	Programmes []programme `xml:"programme"`
}

type scope struct {
	Start    string         `xml:"startTime,attr"`
	Stop     string         `xml:"stopTime,attr"`
	Services []serviceScope `xml:"serviceScope"`
}

type serviceScope struct {
	ID string `xml:"id,attr"`
}

type programme struct {
	ShortID uint32 `xml:"shortId,attr"`
	ID      string `xml:"id,attr"`
	names
	Location    location    `xml:"location"`
	Description description `xml:"mediaDescription"`
	Events      []event     `xml:"programmeEvent"`
}

type event struct {
	ShortID uint32 `xml:"shortId,attr"`
	ID      string `xml:"id,attr"`
	names
	Location    location    `xml:"location"`
	Description description `xml:"mediaDescription"`
}

// location is the time of a programme or of an event within it.
type location struct {
	Time     *when    `xml:"time"`
	Relative *when    `xml:"relativeTime"`
	Bearers  []bearer `xml:"bearer"`
}

type when struct {
	Time     string `xml:"time,attr"`
	Duration string `xml:"duration,attr"`
}

// omittedKinds lists the kinds that a programme guide omits.
var omittedKinds = []schedules.Kind{"ident", "sign-on", "sign-off", "frequency", "time-signal", "bed", "back-announce"}

// Programmes returns the PI document of a broadcast day. Its windows are the programmes. If the day is published (q is
// not nil), the audible items are events in them, in whole seconds. Programmes fails if the station's zone or a
// recurrence is invalid.
func Programmes(s Service, date schedules.Date, q *wire.Queue) ([]byte, error) {
	loc, err := schedules.Zone(s.Station.Timezone)
	if err != nil {
		return nil, fmt.Errorf("spi: %w", err)
	}
	start, stop, err := s.Station.DayBounds(date)
	if err != nil {
		return nil, fmt.Errorf("spi: %w", err)
	}
	windows, err := s.Station.OccurrencesOn(date)
	if err != nil {
		return nil, fmt.Errorf("spi: %w", err)
	}
	out := schedule{Version: max(1, s.Station.Revision), Originator: originator, Language: s.language()}
	if q != nil {
		windows = windows[:0]
		for _, slot := range q.Windows {
			windows = append(windows, slot.Occurrence)
		}
		out.Version, out.Created = q.Revision, point(q.PublishedAt.Time, loc)
	}
	ids := s.ids()
	for _, w := range windows {
		if w.EndAt.After(stop) {
			stop = w.EndAt.Time // past midnight
		}
		out.Programmes = append(out.Programmes, s.programme(w, q, ids, loc))
	}
	out.Scope = scope{Start: point(start, loc), Stop: point(stop, loc)}
	for _, b := range s.bearers() {
		out.Scope.Services = append(out.Scope.Services, serviceScope{b.ID})
	}
	return write(epg{Namespace: namespace, Language: s.language(), Schedule: out})
}

func (s Service) programme(o schedules.Occurrence, q *wire.Queue, ids *ids, loc *time.Location) programme {
	w := s.Station.TermsOf(o) // a deleted window has no languages of its own
	said := "In " + strings.Join(s.Station.Allowed(w), ", ")
	if w.FrequencyKHz > 0 {
		said += onAir(append([]int{w.FrequencyKHz}, w.AlsoKHz...)...)
	}
	p := programme{names: named("", o.Window, s.Station.Name+": "+o.Window), Description: described(said),
		Location: location{Time: &when{point(o.StartAt.Time, loc), span(seconds(o.StartAt.Time, o.EndAt.Time))},
			Bearers: s.bearers()}}
	p.ID, p.ShortID = ids.of(s.Station.ID, o.Window, o.StartAt.UTC().Format("20060102T150405Z"))
	if q == nil {
		return p
	}
	for _, i := range q.Items {
		if i.Window != o.Window || i.StartAt.Before(o.StartAt.Time) || !i.StartAt.Before(o.EndAt.Time) ||
			slices.Contains(omittedKinds, i.Kind) {
			continue
		}
		e := event{names: named(i.Language, i.Title, i.Title), Description: description{phrase{"en", string(i.Kind)}},
			Location: location{Relative: &when{span(seconds(o.StartAt.Time, i.StartAt.Time)),
				span(seconds(i.StartAt.Time, i.StartAt.Add(i.Duration.Duration)))}}}
		e.ID, e.ShortID = ids.of(s.Station.ID, o.Window, i.ID)
		p.Events = append(p.Events, e)
	}
	return p
}

// seconds returns the time between two instants, both in whole seconds, so that adjacent items stay adjacent.
func seconds(from, to time.Time) time.Duration {
	return to.Truncate(time.Second).Sub(from.Truncate(time.Second))
}
