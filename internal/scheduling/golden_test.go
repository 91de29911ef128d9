package scheduling

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/harness/longform"
)

var updateGolden = flag.Bool("update", false, "write testdata/queues.txt anew")

// Each of 28 days of every example station is planned and published after the days before it. The golden file has a
// line for each: the digest of its signed queue. A difference means that stations would receive other queues: write the
// file again with -update, and give the reason in the commit.
func TestQueuesOfTheExampleNetworkAreAsTheyWere(t *testing.T) {
	longform.Only(t)
	d := exampleRoom(t)
	stations, _ := d.scheduler.Network.Stations("", 100)
	var got strings.Builder
	for _, st := range stations {
		for n := range 28 {
			date := d.today.AddDays(n)
			if _, err := d.scheduler.Drafts.Plan(t.Context(), plannerActor, st.ID, date,
				PlanOptions{Seed: uint64(n)}); err != nil {
				t.Fatal(err)
			}
			d.publish(st.ID, date)
			q, err := d.scheduler.Record.Queues.Queue(t.Context(), st.ID, date)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(q.Payload.Plain)
			fmt.Fprintln(&got, st.ID, date, hex.EncodeToString(sum[:8]))
		}
	}
	file := filepath.Join("testdata", "queues.txt")
	if *updateGolden {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	if len(before) != len(after) {
		t.Fatalf("%d lines, not %d", len(after), len(before))
	}
	for n := range before {
		if after[n] != before[n] {
			t.Errorf("was %s\nis  %s", before[n], after[n])
		}
	}
}
