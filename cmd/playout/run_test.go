package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Eight connections with headers up to the usual limit of ten megabytes would fill a small station's memory.
func TestHeadersOfAnAnswerAreBounded(t *testing.T) {
	long := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", long)
		io.WriteString(w, "{}")
	}))
	defer server.Close()
	r := remote{site: site{Server: server.URL}}
	if err := r.AfterApply(); err != nil {
		t.Fatal(err)
	}
	get := func() error {
		_, err := r.client().Time(t.Context())
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	long = strings.Repeat("a", 1<<20)
	if err := get(); err == nil {
		t.Error("a header of a megabyte is taken")
	}
}
