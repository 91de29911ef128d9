package statedir

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/fault"
)

func TestAStateDirectoryIsRefusedToAnyOtherStation(t *testing.T) {
	document := func(dir, name string) {
		t.Helper()
		payload := base64.StdEncoding.EncodeToString([]byte(`{"station":"lantern","revision":3}`))
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, `{"payload":%q,"signatures":[]}`, payload),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, make := range map[string]func(s *Dir, dir string){
		"by its name":     func(s *Dir, _ string) { must(t, s.Belong("lantern")) },
		"by a queue":      func(_ *Dir, dir string) { document(dir, "queues/2026-11-29.dsse") },
		"by its fallback": func(_ *Dir, dir string) { document(dir, "fallback.dsse") },
		"with an empty name": func(_ *Dir, dir string) {
			document(dir, "lease.dsse")
			must(t, os.WriteFile(filepath.Join(dir, ownerName), nil, 0o600))
		},
		"beside a spoilt one": func(_ *Dir, dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "queues", "a.dsse"), []byte("x"), 0o600))
			document(dir, "fallback.dsse")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open(dir)
			must(t, err)
			defer s.Close()
			for _, station := range []string{"lantern", "harbour"} {
				must(t, s.For(station)) // no owner yet
			}
			make(s, dir)
			must(t, s.For("lantern"))
			if err := s.For("harbour"); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(),
				"is of station lantern, and this player is to play station harbour") {
				t.Errorf("another station: %v", err)
			}
			must(t, s.Belong("lantern"))
			must(t, s.For("lantern"))
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
