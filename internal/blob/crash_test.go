//go:build unix

package blob_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lifeline/internal/blob"
)

// TestKilledProcessLosesNoAcknowledgedBlob kills a real process that puts and deletes; with LIFELINE_PROVE=crash-store
// 200 times.
func TestKilledProcessLosesNoAcknowledgedBlob(t *testing.T) {
	rounds := 10
	if os.Getenv("LIFELINE_PROVE") == "crash-store" {
		rounds = 200
	}
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d crashes, seed %d", rounds, seed)
	rnd := mathrand.New(mathrand.NewPCG(seed, 0))
	kept := make(map[string]bool) // acknowledged and not deleted
	for range rounds {
		child := again(t, "BLOB_CHILD_DIR="+dir, "BLOB_CHILD_WORK=1")
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		hear := func() {
			var verb, sha string
			if _, err := fmt.Sscan(lines.Text(), &verb, &sha); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			switch verb {
			case "put":
				kept[sha] = true
			case "deleting": // it may or may not exist from here on
				delete(kept, sha)
			}
		}
		for range rnd.IntN(60) {
			if !lines.Scan() {
				t.Fatalf("the child ended by itself: %v", lines.Err())
			}
			hear()
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			hear()
		}
		_ = child.Wait() // reports that the process was killed
		local := openLocal(t, dir)
		whole := make(map[string]bool)
		for _, b := range all(t, local) {
			whole[b.SHA256] = true
		}
		for sha := range kept {
			if !whole[sha] {
				t.Errorf("%s was acknowledged and is lost", sha)
			}
		}
		if err := blob.Scrub(t.Context(), local, nil, func(f blob.Finding) error {
			return fmt.Errorf("%s: %s", f.SHA256,
				f.Problem)
		}); err != nil {
			t.Error(err)
		}
		if left := entries(t, filepath.Join(dir, "tmp")); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d blobs kept", len(kept))
}

func all(t *testing.T, s blob.Store) (list []blob.Blob) {
	t.Helper()
	for after := ""; ; after = list[len(list)-1].SHA256 {
		page, err := s.List(t.Context(), after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if list = append(list, page...); len(page) < 100 {
			return list
		}
	}
}

// putAndDelete is the child's load: it prints each put when it is done, and each deletion before it starts.
func putAndDelete(local *blob.Local) {
	tell := func(verb, sha string) {
		if _, err := fmt.Fprintf(os.Stdout, "%s %s\n", verb, sha); err != nil {
			panic(err)
		}
	}
	for n := 0; ; n++ {
		p := make([]byte, mathrand.IntN(300_000))
		rand.Read(p)
		stored, err := local.Put(context.Background(), bytes.NewReader(p), 1<<20)
		if err != nil {
			panic(err)
		}
		tell("put", stored.SHA256)
		if n%3 == 0 {
			tell("deleting", stored.SHA256)
			if err := local.Delete(context.Background(), stored.SHA256); err != nil {
				panic(err)
			}
		}
	}
}
