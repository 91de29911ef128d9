package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Eight connections of headers up to the usual bound of ten megabytes would take a small station's memory.
func TestHeadersOfAnAnswerAreBounded(t *testing.T) {
	long := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", long)
	}))
	defer server.Close()
	get := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := httpClient().Do(req)
		if err == nil {
			err = resp.Body.Close()
		}
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
