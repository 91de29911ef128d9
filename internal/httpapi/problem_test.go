package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifeline/schedules"
)

func TestAFaultOfADefinitionIsNotAnInternalError(t *testing.T) {
	_, err := schedules.Station{ID: "lantern-coast", Timezone: "Mars/Base"}.Occurrences(exampleStart.Time,
		exampleStart.Time)
	p := problemOf(fmt.Errorf("plan: %w", err), "r")
	if p.Status != http.StatusConflict || !strings.Contains(p.Detail,
		`station lantern-coast: "Mars/Base" is not a known time zone`) {
		t.Errorf("%+v", p)
	}
}
