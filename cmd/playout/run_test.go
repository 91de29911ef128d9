package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lifeline/internal/client"
	"lifeline/internal/playout"
	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
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

func TestAnEnrolledStationUsesItsOwnTokenAndSaysThatAnotherIsIgnored(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	used := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/enrolments" {
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(wire.Enrolled{Station: "harbour", Token: "lifeline_own"}); err != nil {
				t.Error(err)
			}
			return
		}
		mu.Lock()
		used[r.Header.Get("Authorization")] = true
		mu.Unlock()
		w.WriteHeader(http.StatusNotFound)
		stop()
	}))
	defer server.Close()
	dir := t.TempDir()
	state, err := statedir.Open(dir)
	if err == nil {
		_, err = playout.Enrol(ctx, state, client.New(server.URL, "", &http.Client{}), "7K3F-9QXT-M2WB", "", time.Now())
	}
	if err = errors.Join(err, state.Close()); err != nil {
		t.Fatal(err)
	}
	m := member{remote: remote{site: site{Server: server.URL}, Token: "lifeline_of_another"}, Station: "harbour",
		State: dir, TrustOn: true, Days: 1, Rate: 48000}
	if err := m.AfterApply(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	err = m.work(ctx, slog.New(slog.NewTextHandler(&said, nil)), playout.Options{Lists: filepath.Join(dir, "lists"),
		Ahead: time.Minute, Now: time.Now})
	mu.Lock()
	defer mu.Unlock()
	if err != nil || len(used) != 1 || !used["Bearer lifeline_own"] {
		t.Errorf("it asked with %v, and ended with %v", used, err)
	}
	if text := said.String(); !strings.Contains(text, "is ignored") || strings.Contains(text, "lifeline_o") {
		t.Errorf("it said %s", text)
	}
}
