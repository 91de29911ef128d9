package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"lifeline/internal/fault"
)

// Finding is one damaged blob.
type Finding struct {
	Blob
	Problem  string // what is wrong with it
	Repaired bool   // its bytes are right again, from the spare copy
	Err      error  // why it could not be repaired; nil without a spare
}

// Scrub reads every blob of s and reports the damaged. One that spare, which may be nil, has whole is repaired; no
// other is touched. It fails when it cannot list, or with report's error.
func Scrub(ctx context.Context, s, spare Store, report func(Finding) error) error {
	return each(ctx, s, func(b Blob) error {
		problem, err := verify(ctx, s, b.SHA256)
		switch {
		case fault.Is(err, fault.NotFound): // deleted since
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			problem = "unreadable: " + err.Error()
		case problem == "":
			return nil
		}
		f := Finding{Blob: b, Problem: problem}
		if spare != nil {
			f.Err = Repair(ctx, s, spare, b.SHA256)
			f.Repaired = f.Err == nil
		}
		return report(f)
	})
}

// Repair puts the blob into s from spare, and fails without touching s unless spare has it whole.
func Repair(ctx context.Context, s, spare Store, sha256 string) error {
	problem, err := verify(ctx, spare, sha256)
	if err == nil && problem != "" {
		err = fmt.Errorf("blob: the spare copy of %s is damaged too: %s", sha256, problem)
	}
	if err != nil {
		return err
	}
	content, size, err := spare.Open(ctx, sha256)
	if err != nil {
		return err
	}
	defer content.Close()
	switch got, err := s.Put(ctx, content, size); {
	case err != nil:
		return err
	case got.SHA256 != sha256:
		return fmt.Errorf("blob: the spare copy of %s changed while it was read", sha256)
	}
	return nil
}

// Collect deletes the blobs of s that were last put before before and are not referenced, and tells deleted of
// each. Whoever is about to refer to a blob has put it, so before must lie further back than the time from a put
// to its reference: then nothing that is or will be referenced goes. It stops at the first failure.
func Collect(ctx context.Context, s Store, before time.Time, referenced func(ctx context.Context, sha256 string) (bool,
	error), deleted func(Blob)) error {
	return each(ctx, s, func(b Blob) error {
		if !b.Stored.Before(before) {
			return nil
		}
		if kept, err := referenced(ctx, b.SHA256); err != nil || kept {
			return err
		}
		gone, err := s.DeleteOlder(ctx, b.SHA256, before)
		if gone {
			deleted(b)
		}
		return err
	})
}

// each visits every blob of s in order.
func each(ctx context.Context, s Store, visit func(Blob) error) error {
	const page = 500
	for after := ""; ; {
		list, err := s.List(ctx, after, page)
		if err != nil {
			return err
		}
		for _, b := range list {
			if err := visit(b); err != nil {
				return err
			}
			after = b.SHA256
		}
		if len(list) < page {
			return nil
		}
	}
}

// verify says what is wrong with the blob's bytes: nothing, when they are those of its name.
func verify(ctx context.Context, s Store, name string) (problem string, err error) {
	content, size, err := s.Open(ctx, name)
	if err != nil {
		return "", err
	}
	defer content.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, &obedient{ctx, content})
	switch got := hex.EncodeToString(hash.Sum(nil)); {
	case err != nil:
		return "", err
	case n != size:
		return fmt.Sprintf("%d of %d bytes", n, size), nil
	case got != name:
		return "its bytes hash to " + got, nil
	}
	return "", nil
}
