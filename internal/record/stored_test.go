package record

import (
	"bytes"
	"testing"

	"lifeline/internal/servicetest"
	"lifeline/internal/store"
)

func TestMakeGoodIsStoredWithEveryFieldOfTheContract(t *testing.T) {
	golden := servicetest.Golden(t, "make-good.v1")
	m, err := decodeMakeGood(store.Document{Body: golden, Revision: 8})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := encodeMakeGood(&m); err != nil || !bytes.Equal(got, golden) {
		t.Errorf("%s\nis stored again as\n%s\n%v", golden, got, err)
	}
	if got := servicetest.Unfilled(m); len(got) > 0 {
		t.Errorf("%q are not stored", got)
	}
}
