package memory_test

import (
	"testing"

	"lifeline/internal/store/memory"
	"lifeline/internal/store/storetest"
)

func place(keep int) storetest.Place {
	return func(*testing.T) func() storetest.Store {
		s := memory.New(keep)
		return func() storetest.Store { return s }
	}
}

func TestStoreKeepsTheContract(t *testing.T) { storetest.Run(t, place(0)) }

func TestBoundedFeed(t *testing.T) { storetest.RunBounded(t, place(20), 20) }

func TestArchive(t *testing.T) {
	fresh := func(*testing.T) func() storetest.Archivable {
		s := memory.New(0)
		return func() storetest.Archivable { return s }
	}
	storetest.RunArchive(t, fresh, fresh)
}
