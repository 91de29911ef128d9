package httpapi

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"lifeline/internal/wire"
	"lifeline/schedules"
)

func TestReportsShowWhatSteersAndRunNoFormula(t *testing.T) {
	report := wire.AiringReport{Group: []string{"segment"}, Rows: []schedules.TallyRow{
		{TallyKey: schedules.TallyKey{Segment: "a"}, Title: " ＝1+1\u202e\x1b[2J\nb"}}}
	w := httptest.NewRecorder()
	if err := reportCSV(&call{w: w}, report); err != nil {
		t.Fatal(err)
	}
	const shown = `＝1+1\u202e\u001b[2J b`
	if got := w.Body.String(); !strings.HasPrefix(got, "\ufeffsegment,title,") ||
		!strings.Contains(got, "\r\na,'"+shown+",0,") {
		t.Errorf("%q", got)
	}
	var page bytes.Buffer
	if err := reportPage.Execute(&page, map[string]any{"Report": report, "Last": report.To, "Columns": columns(report),
		"Counts": counts}); err != nil {
		t.Fatal(err)
	}
	if got := page.String(); !strings.Contains(got, strings.ReplaceAll(shown, "+", "&#43;")) ||
		strings.ContainsAny(got, "\u202e\x1b") {
		t.Errorf("%q", got)
	}
}
