package record

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// chunkDays is how many days of a station are loaded at once. It bounds the memory of a long report.
const chunkDays = 31

// MaxReportDays bounds the days of one query.
const MaxReportDays = 400

// maxReportRows bounds the rows of one report.
const maxReportRows = 100_000

// eachDay calls f with the airings of each broadcast day in [from, to), ordered by station and day, until f returns
// false. For the first station it starts at the day since, unless that is zero.
func (l *Logbook) eachDay(ctx context.Context, stations []schedules.Station, from, to, since schedules.Date,
	segment string,
	f func(station string, date schedules.Date, airings []schedules.AiringRecord) (more bool)) error {
	for n, st := range stations {
		date := from
		if n == 0 && from.Before(since) {
			date = since
		}
		for date.Before(to) {
			end := date.AddDays(chunkDays)
			if to.Before(end) {
				end = to
			}
			days, err := l.accounts.Account(ctx, st, date, end, segment)
			if err != nil {
				return err
			}
			for i, airings := range days {
				if !f(st.ID, date.AddDays(i), airings) {
					return nil
				}
			}
			date = end
		}
	}
	return nil
}

// AiringQuery selects airings of one segment in the broadcast days [From, To).
type AiringQuery struct {
	Segment  string
	Station  string // empty: all
	From, To schedules.Date
	After    string // end of the page before
	Limit    int
}

// Airings lists every published placement of a segment with its outcome, and every unplanned airing of it, ordered by
// station and time. next is the cursor of the next page; it is empty on the last page. Airings fails with NotFound.
func (l *Logbook) Airings(ctx context.Context, q AiringQuery) (out []schedules.AiringRecord, next string, err error) {
	if err := checkDays(q.From, q.To); err != nil {
		return nil, "", err
	}
	stations, err := l.stations(q.Station)
	if err != nil {
		return nil, "", err
	}
	last, err := parsePlace(q.After)
	if err != nil {
		return nil, "", err
	}
	stations = slices.DeleteFunc(stations, func(st schedules.Station) bool { return st.ID < last.station })
	if len(stations) > 0 && stations[0].ID != last.station {
		last.date = schedules.Date{} // the cursor's station no longer exists
	}
	at := place{}
	err = l.eachDay(ctx, stations, q.From, q.To, last.date, q.Segment, func(station string, date schedules.Date,
		airings []schedules.AiringRecord) bool {
		seen := 0
		if station == last.station && date == last.date {
			seen = min(last.n, len(airings))
		}
		for i, r := range airings[seen:] {
			if len(out) == q.Limit {
				next = at.String()
				return false
			}
			out, at = append(out, r), place{station, date, seen + i + 1}
		}
		return true
	})
	return out, next, err
}

// place is the cursor of a list of airings: the number n of an airing within a station's day.
type place struct {
	station string
	date    schedules.Date
	n       int
}

func (p place) String() string { return fmt.Sprintf("%s/%s/%d", p.station, p.date, p.n) }

func parsePlace(s string) (p place, err error) {
	if s == "" {
		return p, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) == 3 {
		p.station = parts[0]
		if p.date, err = schedules.ParseDate(parts[1]); err == nil {
			p.n, err = strconv.Atoi(parts[2])
		}
	}
	if len(parts) != 3 || err != nil || p.n < 0 {
		return p, fault.Fields(fault.Field{Field: "cursor", Message: "is not a cursor of this service"})
	}
	return p, nil
}

// stations returns the station with the given id, or all stations, by id, when id is empty. It fails with NotFound.
func (l *Logbook) stations(id string) ([]schedules.Station, error) {
	if id != "" {
		st, err := l.network.Station(id)
		return []schedules.Station{st}, err
	}
	var out []schedules.Station
	for _, row := range replica.StationsIn(l.replica).After("", "") {
		out = append(out, row.Value)
	}
	return out, nil
}

// ReportQuery selects the broadcast days [From, To) of a report.
type ReportQuery struct {
	From, To schedules.Date
	Station  string   // empty: all
	Group    []string // names in schedules.Dimensions
	schedules.TallyFilter
}

// AiringReport counts planned, aired, missed and made-good airings. It fails with Invalid when the query is malformed
// or its answer would be too long.
func (l *Logbook) AiringReport(ctx context.Context, q ReportQuery) (wire.AiringReport, error) {
	err := checkDays(q.From, q.To)
	for _, g := range q.Group {
		if !slices.Contains(schedules.Dimensions, g) {
			err = fault.Fields(fault.Field{Field: "group", Message: "must have only " +
				strings.Join(schedules.Dimensions, ", ")})
		}
	}
	if err != nil {
		return wire.AiringReport{}, err
	}
	stations, err := l.stations(q.Station)
	if err != nil {
		return wire.AiringReport{}, err
	}
	tally := schedules.NewTally(l.planning.Library(), l.network.AllCampaigns(), q.Group, q.TallyFilter)
	for _, st := range stations {
		madeGood, err := l.madeGood(ctx, st)
		if err != nil {
			return wire.AiringReport{}, err
		}
		err = l.eachDay(ctx, []schedules.Station{st}, q.From, q.To, schedules.Date{}, q.Segment,
			func(_ string, _ schedules.Date, airings []schedules.AiringRecord) bool {
				for _, r := range airings {
					tally.Add(r, madeGood[r.ItemID])
				}
				return tally.Len() <= maxReportRows
			})
		if err != nil {
			return wire.AiringReport{}, err
		}
		if tally.Len() > maxReportRows {
			return wire.AiringReport{},
				fault.Fields(fault.Field{Field: "group", Message: fmt.Sprintf("makes more than %d rows: group by less, or ask "+
					"for fewer days", maxReportRows)})
		}
	}
	return wire.AiringReport{From: q.From, To: q.To, Group: q.Group, MadeAt: schedules.At(l.now()), Rows: tally.Rows(),
		Totals: tally.Totals}, nil
}

func checkDays(from, to schedules.Date) error {
	switch {
	case !from.Before(to):
		return fault.Fields(fault.Field{Field: "to", Message: "must be later than from: it is the day after the last"})
	case from.AddDays(MaxReportDays).Before(to):
		return fault.Fields(fault.Field{Field: "from",
			Message: fmt.Sprintf("is too far from to: ask for at most %d days at once", MaxReportDays)})
	}
	return nil
}
