package sqlite_test

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"lifeline/internal/store/sqlite"
	"lifeline/internal/store/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() storetest.Store {
		path := filepath.Join(t.TempDir(), "a name? with #odd %41 signs&한.db")
		return func() storetest.Store { return open(t, path) }
	})
}

// open opens the file and closes it at the end of the test, unless the test closed it.
func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestArchive(t *testing.T) {
	fresh := func(t *testing.T) func() storetest.Archivable {
		path := filepath.Join(t.TempDir(), "lifeline.db")
		return func() storetest.Archivable { return open(t, path) }
	}
	storetest.RunArchive(t, fresh, fresh)
}

func TestCloseEndsEveryGoroutineAndWaiter(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "lifeline.db"))
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() { waited <- s.Wait(t.Context(), 0) }()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err == nil {
		t.Fatal("the wait ended without a change")
	}
	goleak.VerifyNone(t, before)
}
