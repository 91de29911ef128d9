package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lifeline/internal/fault"
)

// zippedService answers every request with b, compressed on request.
func zippedService(t *testing.T, b []byte) *Client {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Error("no compressed answer is asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		w.Write(packed.Bytes())
	}))
	t.Cleanup(server.Close)
	return New(server.URL, "token", server.Client())
}

func TestAnswerThatUnpacksToImplausiblyMuchIsRefused(t *testing.T) {
	bomb := zippedService(t, append(bytes.Repeat([]byte(" "), 20<<20), "{}"...))
	for name, call := range map[string]func(context.Context) error{
		"a document": func(ctx context.Context) error {
			_, err := bomb.Station("a").Recalls(ctx, "", 0)
			return err
		},
		"a list": func(ctx context.Context) error {
			_, err := bomb.Time(ctx)
			return err
		},
	} {
		if err := call(t.Context()); !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompressedAnswerIsReadWhole(t *testing.T) {
	var items []map[string]any
	for i := range 20_000 {
		items = append(items, map[string]any{"id": fmt.Sprintf("item-%d", i*7919), "segment_id": "reading-ko-full-hana",
			"duration_ms": 60_000})
	}
	b, err := json.Marshal(items)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := zippedService(t, b).Station("a").Recalls(t.Context(), "", 0)
	if err != nil || !bytes.Equal(doc.Bytes, b) {
		t.Errorf("%d bytes of %d: %v", len(doc.Bytes), len(b), err)
	}
}
