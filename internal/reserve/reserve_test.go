package reserve_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lifeline/internal/blob"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/reserve"
	"lifeline/internal/store"
	"lifeline/internal/store/memory"
)

// disk is a place with a total size, of which some bytes are used and some are reserved.
type disk struct{ total, used, held int64 }

func (d *disk) Fit(_ context.Context, size int64) (int64, error) { return min(size, d.total/8), nil }
func (d *disk) Free(context.Context) (int64, error)              { return d.total - d.used - d.held, nil }
func (d *disk) Held(context.Context) (int64, error)              { return d.held, nil }

func (d *disk) Hold(_ context.Context, n int64) (int64, error) {
	if d.used+n > d.total {
		return d.held, fault.New(fault.Full, "full")
	}
	d.held = n
	return n, nil
}

// documents is a store in which each write uses a part of the disk.
type documents struct {
	*memory.Store
	disk *disk
	each int64
}

func (d *documents) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	if d.disk.used+d.disk.held+d.each > d.disk.total {
		return nil, fault.New(fault.Full, "no space left for the database")
	}
	d.disk.used += d.each
	return d.Store.Commit(ctx, c)
}

func commit(t *testing.T, d replica.Store, action string) error {
	t.Helper()
	_, err := d.Commit(t.Context(), store.Commit{Origin: store.Origin{At: time.Unix(1, 0).UTC(), By: "a", Action: action}})
	return err
}

func opened(t *testing.T, d *disk) *reserve.Reserve {
	t.Helper()
	r, err := reserve.Open(t.Context(), d, "the disk", 80, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFullDiskShedsUploadsThenEverydayChangesAndTakesRecallsToTheLast(t *testing.T) {
	d := &disk{total: 800}
	r := opened(t, d)
	s := r.Store(&documents{memory.New(0), d, 20})
	for _, action := range []string{"upload.start", "rundown.plan", "segment.recall"} {
		if err := commit(t, s, action); err != nil {
			t.Errorf("%s with room: %v", action, err)
		}
	}
	d.used = 800 - 80 - 30 // less free than half of the reserve again
	if short, err := r.Ready(t.Context()); err != nil || !strings.HasPrefix(short, "short: ") {
		t.Errorf("it is ready: %q, %v", short, err)
	}
	if err := commit(t, s, "upload.append"); !fault.Is(err, fault.Full) || !strings.Contains(err.Error(), "free") {
		t.Errorf("an upload: %v", err)
	}
	if err := commit(t, s, "rundown.plan"); err != nil {
		t.Errorf("a plan: %v", err)
	}
	d.used = 800 - 80 // full to the last byte
	if err := commit(t, s, "network.apply"); !fault.Is(err, fault.Full) {
		t.Errorf("a change of definitions on a full disk: %v", err)
	}
	urgent := []string{"segment.recall", "queue.publish", "token.create", "station.status"}
	for _, action := range urgent {
		if err := commit(t, s, action); err != nil {
			t.Errorf("%s on a full disk: %v", action, err)
		}
		if err := commit(t, s, "rundown.edit"); !fault.Is(err, fault.Full) {
			t.Errorf("an edit took what is kept: %v", err)
		}
	}
	if err := commit(t, s, "segment.recall"); !fault.Is(err, fault.Full) {
		t.Errorf("nothing is left, and a recall was taken: %v", err)
	}
	if _, err := r.Ready(t.Context()); !fault.Is(err, fault.Full) {
		t.Errorf("nothing is left, and it is ready: %v", err)
	}
	d.used = 100
	r.Refill(t.Context())
	if short, err := r.Ready(t.Context()); short != "" || err != nil || d.held != 80 {
		t.Errorf("with room again: %q, %v, %d held", short, err, d.held)
	}
	if err := commit(t, s, "upload.start"); err != nil {
		t.Errorf("an upload with room again: %v", err)
	}
}

// grows uses up the disk while it is read.
type grows struct{ disk *disk }

func (g grows) Read(p []byte) (int, error) {
	g.disk.used += int64(len(p))
	return len(p), nil
}

func TestRecordingStopsBeforeItTakesWhatIsKept(t *testing.T) {
	d := &disk{total: 8 << 20}
	r, err := reserve.Open(t.Context(), d, "the disk", 1<<20, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	place, err := blob.OpenLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	if _, err := r.Audio(place).Put(t.Context(), grows{d}, 1<<30); !fault.Is(err, fault.Full) {
		t.Errorf("an endless recording: %v", err)
	}
	if left := d.total - d.used - d.held; left < 0 {
		t.Errorf("it took %d bytes of what is kept", -left)
	}
}

func TestDiskHoldsAndGivesOutRealBytes(t *testing.T) {
	place := reserve.Disk(t.TempDir())
	for _, n := range []int64{1 << 20, 1 << 18, 1 << 19, 0} {
		if got, err := place.Hold(t.Context(), n); err != nil || got != n {
			t.Errorf("hold %d: %d, %v", n, got, err)
		}
		if got, err := place.Held(t.Context()); err != nil || got != n {
			t.Errorf("held %d of %d: %v", got, n, err)
		}
	}
}
