// Package calendar formats the windows of a station, and its published days, as iCalendar (RFC 5545), so that people
// can see them in the calendar program that they use. It is pure: the same revision gives the same bytes.
package calendar

import (
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// ContentType is the media type of a calendar.
const ContentType = "text/calendar; charset=utf-8"

// The formats of a date with time (RFC 5545, 3.3.5).
const (
	local = "20060102T150405"
	utc   = "20060102T150405Z"
)

// begin creates a calendar that asks programs to reload it after an hour.
func begin(title string) *ics.Calendar {
	c := ics.NewCalendarFor("Lifeline")
	c.SetProductId("-//Lifeline//Feeds 1//EN")
	c.SetCalscale("GREGORIAN")
	c.SetName(text.ShownLine(title))
	c.SetRefreshInterval("PT1H")
	c.SetXPublishedTTL("PT1H")
	return c
}

// add adds an event. Programs that reload the calendar identify the event by its id, and the later version by revision
// and stamp.
func add(c *ics.Calendar, id string, revision int64, stamp time.Time) *ics.VEvent {
	e := c.AddEvent(id + "@lifeline")
	e.SetDtStampTime(stamp)
	e.SetSequence(int(revision))
	return e
}

func write(c *ics.Calendar) []byte { return []byte(c.Serialize(ics.WithNewLineWindows)) }

// Days formats published days, item by item. Times have whole seconds: an item is shown from the second in which it
// starts to the one in which it ends.
func Days(station string, queues []wire.Queue) []byte {
	c := begin(station)
	for _, q := range queues {
		for _, i := range q.Items {
			e := add(c, q.Station+"/"+i.ID, q.Revision, q.PublishedAt.Time)
			start := i.StartAt.Truncate(time.Second)
			end := i.StartAt.Add(i.Duration.Duration).Truncate(time.Second)
			e.SetProperty(ics.ComponentPropertyDtStart, start.UTC().Format(utc))
			if end.After(start) {
				e.SetProperty(ics.ComponentPropertyDtEnd, end.UTC().Format(utc))
			}
			e.SetSummary(text.ShownLine(i.Title), language(i.Language))
			said := []string{string(i.Kind), i.Language}
			if i.Voice != "" {
				said = append(said, i.Voice)
			}
			e.SetDescription(text.ShownLine(strings.Join(append(said, "window "+i.Window), ", ")))
			e.AddCategory(string(i.Kind))
		}
	}
	return write(c)
}

// duration formats a length in whole seconds, the resolution of calendars.
func duration(d time.Duration) string {
	return "PT" + strconv.FormatInt(max(1, int64(d.Round(time.Second).Seconds())), 10) + "S"
}

// described returns a description of a window without its times.
func described(st schedules.Station, w schedules.Window) string {
	said := "clock " + w.Clock + ", " + strings.Join(st.Allowed(w), " ")
	for _, f := range append([]int{w.FrequencyKHz}, w.AlsoKHz...) {
		if f > 0 {
			said += ", " + strconv.Itoa(f) + " kHz"
		}
	}
	return text.ShownLine(said)
}

// language returns the language of a text as a property parameter (BCP 47).
func language(tag string) ics.PropertyParameter {
	return &ics.KeyValues{Key: string(ics.ParameterLanguage), Value: []string{tag}}
}
