package record

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// recordFile describes a file of records: as-run entries of one station and month (UTC, by their At), or a range of
// changes. Its lines have the form of an archive's, ordered by sequence, and are compressed with gzip.
type recordFile struct {
	SHA256 string            `json:"sha256"`
	Bytes  int64             `json:"bytes"`
	Count  int               `json:"count"`
	First  int64             `json:"first"` // sequence
	Last   int64             `json:"last"`
	From   schedules.Instant `json:"from"` // the earliest At
	Until  schedules.Instant `json:"until"`
}

// The ids of record files: as-run/STATION/MONTH, and audit/FIRST in twenty digits.
const (
	asRunFiles = "as-run/"
	auditFiles = "audit/"
	monthForm  = "2006-01"
)

// writeRecords writes v, which is not empty, to a file.
func writeRecords[T any](ctx context.Context, audio replica.Audio, v []T, when func(T) (int64, time.Time),
	add func([]byte, T) ([]byte, error)) (recordFile, error) {
	f := recordFile{Count: len(v)}
	var lines []byte
	var err error
	for i, one := range v {
		sequence, at := when(one)
		if i == 0 {
			f.First, f.From, f.Until = sequence, schedules.At(at), schedules.At(at)
		}
		f.Last = sequence
		if at.Before(f.From.Time) {
			f.From = schedules.At(at)
		}
		if at.After(f.Until.Time) {
			f.Until = schedules.At(at)
		}
		if lines, err = add(lines, one); err != nil {
			return f, fmt.Errorf("record: records: %w", err)
		}
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	zip.Name = library.RecordMark
	zip.Write(lines) // writing to memory does not fail
	if err := zip.Close(); err != nil {
		return f, fmt.Errorf("record: records: %w", err)
	}
	stored, err := audio.Put(ctx, &packed, int64(packed.Len()))
	f.SHA256, f.Bytes = stored.SHA256, stored.Bytes
	return f, err
}

// readRecords reads a file. It fails unless the bytes match the file's hash.
func readRecords[T any](ctx context.Context, audio replica.Audio, f recordFile, parse func([]byte) (T, error)) ([]T,
	error) {
	content, _, err := audio.Open(ctx, f.SHA256)
	if fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("record: the file %s of %d older records is missing", f.SHA256, f.Count)
	}
	if err != nil {
		return nil, err
	}
	defer content.Close()
	hash := sha256.New()
	in := io.TeeReader(content, hash)
	zip, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("record: records %s: %w", f.SHA256, err)
	}
	all := make([]T, 0, f.Count)
	for lines := bufio.NewReader(zip); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("record: records %s: %w", f.SHA256, err)
		}
		one, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("record: records %s: %w", f.SHA256, err)
		}
		all = append(all, one)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, fmt.Errorf("record: records %s: %w", f.SHA256, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != f.SHA256 || len(all) != f.Count {
		return nil, fmt.Errorf("record: the file %s of %d older records is damaged: it has %d and the hash %s", f.SHA256,
			f.Count, len(all), got)
	}
	return all, nil
}

func whenAired(e store.Entry) (int64, time.Time) { return e.Sequence, e.At }

func whenChanged(c store.Change) (int64, time.Time) { return c.Sequence, c.At }

// lastOf returns the last sequence in the files, which are in order, or 0.
func lastOf(files []recordFile) int64 {
	if len(files) == 0 {
		return 0
	}
	return files[len(files)-1].Last
}
