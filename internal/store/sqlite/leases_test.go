package sqlite_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestLeaseThatNoClaimMadeKeepsNoWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lifeline.db")
	s := open(t, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("INSERT INTO leases VALUES ('repair', 'nobody', 0, 7258118400000)")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if held, err := s.Claim(t.Context(), "repair", "service", time.Minute); err != nil || !held {
		t.Errorf("the work is kept from the service until 2200: %v, %v", held, err)
	}
}
