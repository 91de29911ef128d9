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
	Problem  string // the damage, in words
	Repaired bool   // its bytes were restored from the spare copy
	Err      error  // why the repair failed; nil without a spare copy
}

// Scrub reads all blobs of s and reports the damaged ones. It repairs each damaged blob of which spare, which may be
// nil, has an intact copy, and changes no other. It fails if it cannot list the blobs, or with report's error.
func Scrub(ctx context.Context, s, spare Store, report func(Finding) error) error {
	return each(ctx, s, func(b Blob) error {
		problem, err := verify(ctx, s, b.SHA256)
		switch {
		case fault.Is(err, fault.NotFound): // deleted in the meantime
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

// Repair copies the blob from spare into s. It fails, without changing s, unless spare has an intact copy.
func Repair(ctx context.Context, s, spare Store, hash string) error {
	problem, err := verify(ctx, spare, hash)
	if err == nil && problem != "" {
		err = fmt.Errorf("blob: the spare copy of %s is damaged too: %s", hash, problem)
	}
	if err != nil {
		return err
	}
	content, size, err := spare.Open(ctx, hash)
	if err != nil {
		return err
	}
	defer content.Close()
	switch got, err := s.Put(ctx, content, size); {
	case err != nil:
		return err
	case got.SHA256 != hash:
		return fmt.Errorf("blob: the spare copy of %s changed while it was read", hash)
	}
	return nil
}

// Collect deletes the blobs of s that were last put before before and are not referenced, and passes each to deleted.
// Callers put a blob before they refer to it, so before must be earlier by more than the time from a put to its
// reference: then no blob that is or will be referenced is deleted. Collect stops at the first failure.
func Collect(ctx context.Context, s Store, before time.Time, referenced func(ctx context.Context, hash string) (bool,
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

// verify returns the damage of the blob's bytes in words, or "" if they match its name.
func verify(ctx context.Context, s Store, name string) (problem string, err error) {
	content, size, err := s.Open(ctx, name)
	if err != nil {
		return "", err
	}
	defer content.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, &contextReader{ctx, content})
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
