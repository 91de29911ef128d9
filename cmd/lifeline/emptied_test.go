package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/fault"
)

// A database of no bytes, or none at all, beside recordings is no fresh start.
func TestServeAndFsckRefuseAnEmptiedStoreBesideItsRecordings(t *testing.T) {
	for name, spoil := range map[string]func(file string) error{
		"of no bytes": func(file string) error { return os.Truncate(file, 0) },
		"missing":     os.Remove,
	} {
		dir := furnish(t)
		file := filepath.Join(dir, "lifeline.db")
		if err := spoil(file); err != nil {
			t.Fatal(err)
		}
		c := serveDefaults(dir)
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		_, err := openService(t.Context(), c, "http://127.0.0.1:1", slog.New(slog.DiscardHandler))
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "lifeline restore") {
			t.Errorf("serve on a database that is %s: %v", name, err)
		}
		var out strings.Builder
		if err := (&fsckCmd{Serve: c, Quick: true}).Run(t.Context(), &out); err == nil {
			t.Errorf("fsck is content with a database that is %s:\n%s", name, &out)
		}
		if there, err := os.Stat(file); err == nil && there.Size() > 0 {
			t.Errorf("a database was made where one was %s", name)
		}
	}
}
