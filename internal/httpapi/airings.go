package httpapi

import (
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/record"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// airingHandlers list and count airings.
type airingHandlers struct{ *Parts }

func (a airingHandlers) routes() []route {
	dimension := "(" + strings.Join(schedules.Dimensions, "|") + ")"
	last := len(schedules.Dimensions) - 1
	dimensions := strings.Join(schedules.Dimensions[:last], ", ") + " and " + schedules.Dimensions[last]
	counts := schedules.TallyCounts{Planned: 3, Aired: 2, Missed: 1, MadeGood: 1, PlannedMs: schedules.Ms(1379040),
		AiredMs: schedules.Ms(919360)}
	days := []openapi.Parameter{
		{Name: "from", Description: "The first broadcast day.", Schema: dateSchema(), Example: "2023-10-01"},
		{Name: "to", Description: fmt.Sprintf("The day after the last; at most %d days later.",
			record.MaxReportDays), Schema: dateSchema(),
			Example: "2023-11-01"}}
	return []route{
		{a.airings, apidoc.Route{Method: http.MethodGet, Path: "/v1/segments/:segment/airings", Roles: people,
			ID: "listAirings", Tag: apidoc.ForProducers,
			Summary: "List the airings of a segment",
			Detail: "The list has every item of published queues, past and future, with its outcome, and airings that were " +
				"not planned. It is ordered by station and time. Default: from four weeks ago to two weeks " +
				"ahead.",
			Query: append(append([]openapi.Parameter{ofStation}, days...), paged...), Faults: noStation,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "One page of the list.", wire.Page[schedules.AiringRecord]{
				Items: []schedules.AiringRecord{{Station: "lantern-coast", Date: exampleDate, Window: "evening",
					ItemID: exampleItem.ID, SegmentID: "reading-ko-full-hana", Title: "The appeal, whole", Language: "ko-KP",
					PlannedAt: exampleStart, Planned: exampleItem.Duration,
					StartedAt: exampleStart, EndedAt: schedules.At(exampleStart.Add(exampleItem.Duration.Duration)),
					AiredMs: exampleItem.Duration, Outcome: schedules.AsPlanned}}})}}},
		{a.airingReport, apidoc.Route{Method: http.MethodGet, Path: "/v1/reports/airings", Roles: people,
			ID: "reportAirings", Tag: apidoc.ForSchedulers,
			Summary: "Count planned, aired, missed and made-good airings",
			Detail: "Accept selects JSON, CSV or a page to print. An airing of several passages, or within several " +
				"campaigns, counts in the row of each and once in the totals. Default: the last week.",
			Query: append([]openapi.Parameter{
				{Name: "group", Description: "The fields to group by: one or more of " + dimensions +
					", separated by commas. Default: segment.",
					Schema:  openapi.Match("^" + dimension + "(," + dimension + ")*$"),
					Example: "script,passage,language"},
				ofStation,
				{Name: "segment", Description: "Only of this segment.", Schema: openapi.String()},
				{Name: "campaign", Description: "Only within this campaign.", Schema: openapi.String()},
				{Name: "script", Description: "Only of readings of this script.", Schema: openapi.String()},
				{Name: "passage", Description: "Only of readings of this passage.", Schema: openapi.Integer().AtLeast(1)},
				{Name: "language", Description: "Only in this language. ko includes ko-KP.",
					Schema: openapi.Match(optional(languagePattern))}}, days...),
			Faults: map[int]string{http.StatusNotFound: noStation[http.StatusNotFound],
				http.StatusNotAcceptable: "Accept names none of the media types."},
			Answers: []apidoc.Answer{{Status: http.StatusOK, Says: "The report.", Bodies: []apidoc.Body{
				apidoc.Gives(http.StatusOK, "", wire.AiringReport{From: exampleDate, To: exampleDate.AddDays(1),
					Group: []string{"segment"}, MadeAt: exampleStart, Totals: counts,
					Rows: []schedules.TallyRow{{TallyKey: schedules.TallyKey{Segment: "reading-ko-full-hana"},
						Title: "The appeal, whole", TallyCounts: counts}}}).Bodies[0],
				{MediaType: "text/csv", Schema: openapi.String()}, {MediaType: "text/html", Schema: openapi.String()}}}}}},
	}
}

// airings lists every scheduled airing of a segment with its outcome.
func (a airingHandlers) airings(c *call) error {
	s, err := a.Library.Segments.Get(c.param("segment"))
	if err != nil {
		return err
	}
	after, limit, err := c.query().page()
	if err != nil {
		return err
	}
	from, to, err := a.days(c, -28, 15)
	if err != nil {
		return err
	}
	items, next, err := a.Logbook.Airings(c.r.Context(), record.AiringQuery{Segment: s.ID,
		Station: c.query().Get("station"),
		From:    from, To: to, After: after, Limit: limit})
	if err != nil {
		return err
	}
	return page(c, items, next)
}

// days returns the broadcast days [from, to) of the query; by default, from and to days around today.
func (a airingHandlers) days(c *call, from, to int) (first, end schedules.Date, err error) {
	today := schedules.DateOf(a.Now().UTC())
	var fields []fault.Field
	read := func(name string, otherwise schedules.Date) schedules.Date {
		v := c.query().Get(name)
		if v == "" {
			return otherwise
		}
		d, err := schedules.ParseDate(v)
		if err != nil {
			fields = append(fields, fault.Field{Field: name, Message: err.Error()})
		}
		return d
	}
	first, end = read("from", today.AddDays(from)), read("to", today.AddDays(to))
	return first, end, fault.Fields(fields...)
}

// airingReport counts airings and answers as JSON, as CSV or as a page to print.
func (a airingHandlers) airingReport(c *call) error {
	form, err := preferred(c, "application/json", "text/csv", "text/html")
	if err != nil {
		return err
	}
	from, to, err := a.days(c, -7, 1)
	if err != nil {
		return err
	}
	q := c.query()
	language, err := c.query().language()
	if err != nil {
		return err
	}
	query := record.ReportQuery{From: from, To: to, Station: q.Get("station"), Group: []string{"segment"},
		TallyFilter: schedules.TallyFilter{Segment: q.Get("segment"), Campaign: q.Get("campaign"), Script: q.Get("script"),
			Language: language}}
	if v := q.Get("group"); v != "" {
		query.Group = strings.Split(v, ",")
	}
	if v := q.Get("passage"); v != "" {
		if query.Passage, err = strconv.Atoi(v); err != nil || query.Passage < 1 {
			return fault.Fields(fault.Field{Field: "passage", Message: "must be the number of a passage"})
		}
	}
	c.mayTakeLong()
	report, err := a.Logbook.AiringReport(c.r.Context(), query)
	if err != nil {
		return err
	}
	switch form {
	case "text/csv":
		return reportCSV(c, report)
	case "text/html":
		c.w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
		return reportPage.Execute(c.w, map[string]any{"Report": report, "Last": report.To.AddDays(-1),
			"Columns": columns(report), "Counts": counts})
	}
	return c.json(http.StatusOK, report)
}

// column is a column of a report's table: its name in the JSON, and its value in a row.
type column struct {
	Name string
	Of   func(schedules.TallyRow) string
}

// columns returns the columns by which the report's rows are grouped, in the order of the rows.
func columns(r wire.AiringReport) (out []column) {
	all := []column{
		{"segment", func(r schedules.TallyRow) string { return r.Segment }},
		{"title", func(r schedules.TallyRow) string { return r.Title }},
		{"campaign", func(r schedules.TallyRow) string { return r.Campaign }},
		{"script", func(r schedules.TallyRow) string { return r.Script }},
		{"passage", func(r schedules.TallyRow) string {
			if r.Passage == 0 {
				return ""
			}
			return strconv.Itoa(r.Passage)
		}},
		{"language", func(r schedules.TallyRow) string { return r.Language }},
		{"station", func(r schedules.TallyRow) string { return r.Station }},
		{"day", func(r schedules.TallyRow) string { return r.Day.String() }},
	}
	shown := map[string]string{"title": "segment"}
	for _, column := range all {
		of := column.Of
		column.Of = func(r schedules.TallyRow) string { return text.ShownLine(of(r)) }
		name := cmp.Or(shown[column.Name], column.Name)
		if slices.Contains(r.Group, name) || name == "script" && slices.Contains(r.Group, "passage") {
			out = append(out, column)
		}
	}
	return out
}

// counts are the columns of figures.
var counts = []struct {
	Name string
	Of   func(schedules.TallyCounts) int64
}{
	{"planned", func(c schedules.TallyCounts) int64 { return int64(c.Planned) }},
	{"to_come", func(c schedules.TallyCounts) int64 { return int64(c.Upcoming) }},
	{"unreported", func(c schedules.TallyCounts) int64 { return int64(c.Unreported) }},
	{"aired", func(c schedules.TallyCounts) int64 { return int64(c.Aired) }},
	{"short", func(c schedules.TallyCounts) int64 { return int64(c.Short) }},
	{"missed", func(c schedules.TallyCounts) int64 { return int64(c.Missed) }},
	{"made_good", func(c schedules.TallyCounts) int64 { return int64(c.MadeGood) }},
	{"extra", func(c schedules.TallyCounts) int64 { return int64(c.Extra) }},
	{"planned_ms", func(c schedules.TallyCounts) int64 { return c.PlannedMs.Milliseconds() }},
	{"aired_ms", func(c schedules.TallyCounts) int64 { return c.AiredMs.Milliseconds() }},
}

// reportCSV writes the rows as RFC 4180, in UTF-8 with a byte order mark, by which Excel detects the encoding, and with
// the names of the JSON. It leaves totals to the spreadsheet.
func reportCSV(c *call, r wire.AiringReport) error {
	c.w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	c.w.Header().Set("Content-Disposition", `attachment; filename="airings-`+r.From.String()+`-`+r.To.String()+`.csv"`)
	if _, err := io.WriteString(c.w, "\ufeff"); err != nil {
		return err
	}
	w := csv.NewWriter(c.w)
	w.UseCRLF = true
	shown := columns(r)
	var entry []string
	for _, column := range shown {
		entry = append(entry, column.Name)
	}
	for _, count := range counts {
		entry = append(entry, count.Name)
	}
	w.Write(entry) // its error is returned by w.Error below
	for _, row := range r.Rows {
		entry = entry[:0]
		for _, column := range shown {
			entry = append(entry, text.Cell(column.Of(row)))
		}
		for _, count := range counts {
			entry = append(entry, strconv.FormatInt(count.Of(row.TallyCounts), 10))
		}
		w.Write(entry)
	}
	w.Flush()
	return w.Error()
}

//go:embed report.html
var reportText string

// reportPage is the report to print. It contains its style and no script.
var reportPage = template.Must(template.New("report").Funcs(template.FuncMap{
	"words": func(name string) string { return strings.ReplaceAll(strings.TrimSuffix(name, "_ms"), "_", " ") },
	"shown": func(name string, n int64) string {
		if strings.HasSuffix(name, "_ms") {
			return (time.Duration(n) * time.Millisecond).Round(time.Second).String()
		}
		return strconv.FormatInt(n, 10)
	},
}).Parse(reportText))

// The query parameters of lists of airings and of make-goods.
var (
	ofStation = openapi.Parameter{Name: "station", Description: "Only of this station.", Schema: openapi.String()}
	noStation = map[int]string{http.StatusNotFound: "The station or the segment does not exist."}
)
