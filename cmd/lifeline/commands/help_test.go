package commands

import (
	"io"
	"slices"
	"testing"

	"github.com/alecthomas/kong"
)

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
