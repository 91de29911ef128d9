package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestServeWarnsThatItMadeANewKeyForAStoreThatIsInUse(t *testing.T) {
	dir := furnish(t)
	if err := os.Remove(filepath.Join(dir, "signing.key")); err != nil {
		t.Fatal(err)
	}
	for _, warns := range []bool{true, false} { // the next start has the key that the first made
		c := serveDefaults(dir)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		s, err := openService(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if warns != strings.Contains(log.String(), "a new one was made") {
			t.Errorf("%s", &log)
		}
	}
}

func TestHelpBesideServeShowsOnlyWhatFindsTheStore(t *testing.T) {
	parser, err := newParser(t.Context(), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, command := range parser.Model.Leaves(false) {
		if !hasFlag(command, "data") {
			continue
		}
		seen++
		for name, shown := range map[string]bool{"data": true, "store": true, "redis-prefix": true, "s3-region": true,
			"listen": command.Name == "serve", "tls-cert": command.Name == "serve", "rate": command.Name == "serve"} {
			at := slices.IndexFunc(command.Flags, func(f *kong.Flag) bool { return f.Name == name })
			if at < 0 || command.Flags[at].Hidden == shown {
				t.Errorf("%s shows --%s: not %v", command.Path(), name, shown)
			}
		}
	}
	if seen < 6 {
		t.Errorf("only %d commands find a store", seen)
	}
}
