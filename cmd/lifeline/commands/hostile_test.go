package commands

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lifeline/internal/cmdline"
	"lifeline/schedules"
)

func TestNoTitleSteersAReconciliation(t *testing.T) {
	var out bytes.Buffer
	printReconciliation(cmdline.Printable(&out), schedules.Reconciliation{Station: "dawn", Items: []schedules.Discrepancy{
		{Title: "a\x1b[2J\u202e\n  forged line", Window: "w\u009b2J"}, {SegmentID: "s\x07"}}}, time.UTC)
	if got := out.String(); strings.ContainsAny(got, "\x1b\x07\u009b\u202e") || strings.Contains(got, "\n  forged") ||
		!strings.Contains(got, `\u202e\n  forged line`) {
		t.Errorf("%q", got)
	}
}
