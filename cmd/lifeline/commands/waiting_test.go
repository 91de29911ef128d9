package commands

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lifeline/internal/wire"
)

func TestGroupsOfCommandsTakeTheFlagsOfTheirFirst(t *testing.T) {
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"items":[]}`)
	}))
	defer empty.Close()
	for _, group := range []string{"waiting", "people", "webhooks", "erase"} {
		var out, wrong bytes.Buffer
		if code := Run(t.Context(), []string{group, "--output", "json", "--server", empty.URL, "--token", "t"}, &out,
			&wrong); code != 0 || !strings.HasPrefix(out.String(), "[") {
			t.Errorf("%s: exit %d, %s%s", group, code, out.String(), wrong.String())
		}
	}
}

func TestAWaitingChangeOfManyFieldsIsPrintedInShort(t *testing.T) {
	d := wire.WaitingDocument{Kind: "rundown", ID: "s/2026-11-02"}
	for n := range 40 {
		d.Fields = append(d.Fields, wire.FieldChange{Field: fmt.Sprint("items.", n), Before: "a", After: "b"})
	}
	var out strings.Builder
	printWaiting(&out, wire.Waiting{Documents: []wire.WaitingDocument{d}})
	if said := out.String(); strings.Count(said, "items ") != 12 || !strings.Contains(said, "and 28 more fields") {
		t.Error(said)
	}
	d.Fields = d.Fields[:13]
	out.Reset()
	printWaiting(&out, wire.Waiting{Documents: []wire.WaitingDocument{d}})
	if strings.Count(out.String(), "items ") != 13 {
		t.Error(out.String())
	}
}
