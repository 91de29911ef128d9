//go:build unix

package redis_test

import (
	"fmt"
	"strings"
	"testing"

	"lifeline/internal/harness"
	"lifeline/internal/store"
	"lifeline/internal/store/redis"
)

func TestCheckFindsEveryContradiction(t *testing.T) {
	server := harness.StartRedis(t, harness.Durable...)
	for _, c := range []struct{ name, says, command string }{
		{"nothing", "", "ping"},
		{"a missing change", "change 1 is followed by change 3", "xdel %s:audit 2-0"},
		{"a missing last change", "change 4 is the last; 5 should be", "xdel %s:audit 5-0"},
		{"a missing change after a trim", "change 2 is followed by change 4",
			"eval redis.call('set','%s:trimmed','2');redis.call('xdel','%s:audit','1-0','2-0','3-0')return(1) 0"},
		{"a missing revision", "k a goes from revision 0 to 2 at change 3", "xdel %s:audit 1-0"},
		{"a lease for ever", "the work repair is leased for longer than the 1h0m0s", "set %s:lease:repair nobody"},
		{"a long lease", "the work repair is leased for longer than the 1h0m0s", "set %s:lease:repair nobody px 9000000"},
		{"a lease", "", "set %s:lease:repair nobody px 3000000"},
		{"a forged grave", "1 documents of kind k have a revision, and no change made them",
			"hset %s:revisions:k new -9"},
		{"what nobody can trim", "the changes up to 5 are said to be trimmed, and the latest is 5", "set %s:trimmed 5"},
		{"a grave that was deeper", "k b is said to be at revision -9, and its last change made -2",
			"hset %s:revisions:k b -9"},
		{"an old document", "k a is not at the revision of its last change", "hset %s:documents:k a 1_"},
		{"a missing document", "k a is missing", "zrem %s:ids:k a"},
		{"a document without index", "documents of k: 1 are held, 0 are in the index", "zrem %s:ids:k a"},
		{"an entry without index", "as-run of s: 2 are held, 1 are in the index", "zrem %s:instants:s 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := redis.Options{URL: "redis://" + server.Addr, Prefix: fmt.Sprintf("place-%d", prefixes.Add(1)), Feed: 100}
			s := open(t, o)
			for _, writes := range [][]store.Write{
				{{Kind: "k", ID: "a"}, {Kind: "k", ID: "b"}}, {{Kind: "k", ID: "a", Expect: 1}, {Kind: "k", ID: "b", Expect: 1,
					Delete: true}}, nil,
			} {
				if _, err := s.Commit(t.Context(), store.Commit{Writes: writes}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Append(t.Context(), []store.Entry{{Station: "s", Sequence: 1},
				{Station: "s", Sequence: 2}}); err != nil {
				t.Fatal(err)
			}
			var command []any
			for _, word := range strings.Fields(c.command) {
				word = strings.ReplaceAll(word, "_", " ")
				command = append(command, strings.ReplaceAll(word, "%s", "{"+o.Prefix+"}"))
			}
			server.Do(command...)
			var found []string
			if err := s.Check(t.Context(), func(problem string) { found = append(found, problem) }); err != nil {
				t.Fatal(err)
			}
			said := strings.Join(found, "; ")
			if (c.says == "") != (len(found) == 0) || !strings.Contains(said, c.says) {
				t.Fatalf("found %q; want %q", said, c.says)
			}
		})
	}
}
