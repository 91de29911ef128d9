package commands

import (
	"context"
	"strings"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/fault"
	"lifeline/schedules"
)

// dayHelp describes the forms of a day.
const dayHelp = "YYYY-MM-DD, today, tomorrow, yesterday, or an instant of the day such as 2026-11-29T20:00:00Z"

// dayOf parses a day in any form that users write. dayAt returns the day that contains an instant.
func dayOf(text string, now time.Time, dayAt func(time.Time) (schedules.Date, error)) (schedules.Date, error) {
	away := map[string]int{"yesterday": -1, "today": 0, "tomorrow": 1}
	if n, named := away[strings.ToLower(strings.TrimSpace(text))]; named {
		today, err := dayAt(now)
		return today.AddDays(n), err
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return dayAt(at)
	}
	date, err := schedules.ParseDate(text)
	if err != nil {
		return date, fault.New(fault.Invalid, "%q is not a day: write %s", text, dayHelp)
	}
	return date, nil
}

// mostDays is how many days one word may name.
const mostDays = 366

// daysOf reads a day, or all days from one to another, written A..B.
func daysOf(text string, day func(string) (schedules.Date, error)) (out []schedules.Date, err error) {
	first, last, many := strings.Cut(text, "..")
	at, err := day(first)
	if err != nil || !many {
		return []schedules.Date{at}, err
	}
	end, err := day(last)
	switch {
	case err != nil:
		return nil, err
	case end.Before(at):
		return nil, fault.New(fault.Invalid, "%q ends before it begins", text)
	case at.AddDays(mostDays).Before(end):
		return nil, fault.New(fault.Invalid, "%q is more than a year", text)
	}
	for ; !end.Before(at); at = at.AddDays(1) {
		out = append(out, at)
	}
	return out, nil
}

// stationDate reads a day of a station, which has a time of its own.
func stationDate(ctx context.Context, c *client.Client, station, text string) (schedules.Date, error) {
	if date, err := schedules.ParseDate(text); err == nil {
		return date, nil
	}
	st, err := c.StationDocument(ctx, station)
	if err != nil {
		return schedules.Date{}, err
	}
	return dayOf(text, time.Now(), st.DateAt)
}

// dateIn returns a function from an instant to its calendar day in a zone.
func dateIn(zone *time.Location) func(time.Time) (schedules.Date, error) {
	return func(t time.Time) (schedules.Date, error) { return schedules.DateOf(t.In(zone)), nil }
}

// instantOf parses an instant, or a day as its beginning in the zone; an empty text stays empty.
func instantOf(text string, zone *time.Location) (string, error) {
	if text == "" {
		return "", nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return schedules.At(at).String(), nil
	}
	d, err := dayOf(text, time.Now(), dateIn(zone))
	if err != nil {
		return "", err
	}
	return schedules.At(time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)).String(), nil
}

// zoneOf returns the time zone of a station.
func zoneOf(ctx context.Context, c *client.Client, station string) (*time.Location, error) {
	st, err := c.StationDocument(ctx, station)
	if err != nil {
		return nil, err
	}
	return schedules.Zone(st.Timezone)
}

// zonesOf returns a function from a station to its time zone; UTC for a station that does not exist any more.
func zonesOf(ctx context.Context, c *client.Client) (func(station string) *time.Location, error) {
	all, err := c.Stations(ctx)
	if err != nil {
		return nil, err
	}
	zones := map[string]*time.Location{}
	for _, st := range all {
		if zones[st.ID], err = schedules.Zone(st.Timezone); err != nil {
			return nil, err
		}
	}
	return func(station string) *time.Location {
		if zone, known := zones[station]; known {
			return zone
		}
		return time.UTC
	}, nil
}
