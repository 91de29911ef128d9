package statedir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
)

// A record is a small file of state: a JSON object whose last field, sum, is the CRC-32 of the file with an empty sum.
// Players from before the sum read it too, as an object with one field more.

// errSum is why a record that is not as it was written is not believed.
var errSum = errors.New("its sum does not fit")

// encode is the record of v, which is written as a JSON object without a field named sum.
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(b) < 2 || b[0] != '{' {
		return nil, fmt.Errorf("a record is an object, and %.20s is none", b)
	}
	head := b[:len(b)-1]
	if len(head) > 1 {
		head = append(head, ',')
	}
	head = append(head, `"sum":"`...)
	return fmt.Appendf(head, `%08x"}`, sumOf(head)), nil
}

// sumOf is the sum of the record that begins with head, up to the sum.
func sumOf(head []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(head), crc32.IEEETable, []byte(`"}`))
}

// decode reads a record into v. One from before the sum is read too, and summed is false, as long as it has nothing
// that v has not: with a damaged sum it would.
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

// Copy is one copy of a record as it was found.
type Copy[T any] struct {
	Name   string
	Value  T
	Summed bool  // false: an earlier player wrote it, which gave no sum
	Err    error // why it is not believed: fs.ErrNotExist where there is none
}

// Damaged reports whether there is a copy that is not to be believed.
func (c Copy[T]) Damaged() bool { return c.Err != nil && !errors.Is(c.Err, fs.ErrNotExist) }

// Records reads the copies of a record, of which names are the names, each of at most limit bytes.
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

// Record writes v as each of names, of which every copy but one may then be damaged without loss.
func (s *Dir) Record(v any, names ...string) error {
	b, err := encode(v)
	if err != nil {
		return fmt.Errorf("playout: write %s: %w", names[0], err)
	}
	for _, name := range names {
		err = errors.Join(err, s.Replace(name, b))
	}
	return err
}
