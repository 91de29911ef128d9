package statedir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
)

// A record is a small state file: a JSON object whose last field, sum, is the CRC-32 of the file with an empty sum.
// Earlier players, which write no sum, can read it, too: as an object with an additional field.

// errSum is the error for a record whose checksum does not match.
var errSum = errors.New("its checksum is wrong")

// encode returns the record of v, which must encode as a JSON object without a field named sum.
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(b) < 2 || b[0] != '{' {
		return nil, fmt.Errorf("a record is a JSON object, and %.20s is not", b)
	}
	head := b[:len(b)-1]
	if len(head) > 1 {
		head = append(head, ',')
	}
	head = append(head, `"sum":"`...)
	return fmt.Appendf(head, `%08x"}`, sumOf(head)), nil
}

// sumOf returns the checksum of the record that begins with head, which ends before the sum.
func sumOf(head []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, []byte(`"}`))
}

// decode reads a record into v. It accepts a record without a sum, with summed false, if it has no fields unknown to v:
// a damaged sum would be such a field.
func decode(b []byte, v any) (summed bool, err error) {
	const end = len(`00000000"}`)
	if head := b[:max(len(b)-end, 0)]; bytes.HasSuffix(head, []byte(`"sum":"`)) {
		if string(b[len(head):]) != fmt.Sprintf(`%08x"}`, sumOf(head)) {
			return true, errSum
		}
		return true, json.Unmarshal(b, v)
	}
	in := json.NewDecoder(bytes.NewReader(b))
	in.DisallowUnknownFields()
	if err := in.Decode(v); err != nil {
		return false, fmt.Errorf("it is damaged: %w", err)
	}
	if in.More() {
		return false, errors.New("it is damaged: something follows its end")
	}
	return false, nil
}

// Copy is the content of one copy of a record.
type Copy[T any] struct {
	Name   string
	Value  T
	Summed bool  // false: an earlier player wrote it, without a sum
	Err    error // why the copy is not valid; fs.ErrNotExist if it does not exist
}

// Damaged reports whether the copy exists and is not valid.
func (c Copy[T]) Damaged() bool { return c.Err != nil && !errors.Is(c.Err, fs.ErrNotExist) }

// Records reads the copies of a record with the given names, each of at most limit bytes.
func Records[T any](s *Dir, limit int64, names ...string) (out []Copy[T]) {
	for _, name := range names {
		c := Copy[T]{Name: name}
		b, err := s.Read(name, limit)
		if err == nil {
			c.Summed, err = decode(b, &c.Value)
		}
		if err != nil {
			c.Value, c.Err = *new(T), err
		}
		out = append(out, c)
	}
	return out
}

// Record writes v to each of names. Of those copies, all but one may then be damaged without loss.
func (s *Dir) Record(v any, names ...string) error { return record(s.Replace, v, names) }

// KeepRecord is Record by Keep.
func (s *Dir) KeepRecord(v any, names ...string) error { return record(s.Keep, v, names) }

func record(write func(string, []byte) error, v any, names []string) error {
	b, err := encode(v)
	if err != nil {
		return fmt.Errorf("playout: write %s: %w", names[0], err)
	}
	for _, name := range names {
		err = errors.Join(err, write(name, b))
	}
	return err
}
