package spool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"

	"lifeline/internal/playout/statedir"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Spool is the durable queue of as-run entries. An entry is on disk before Append returns, keeps its sequence number,
// and stays until it is acknowledged. The spool also records the item on the air, so that an airing that a crash
// interrupts is reported once.
//
// Its file has one record per line, preceded by the CRC-32 of its JSON. A line that is truncated or damaged is dropped.
type Spool struct {
	state *statedir.Dir

	mu      sync.Mutex
	file    *os.File
	size    int64 // of the intact part of the file
	next    int64 // sequence number of the next entry
	on      *OnAir
	pending map[int64]schedules.AsRun
	aside   map[string]schedules.Outcome // outcomes of items that did not air, since the file was last rewritten
	arrived chan struct{}                // closed by the next Append

	mark     *os.File // file that holds a second copy of the next entry's sequence number
	lost     string   // describes what was missing from the file when it was opened; "": nothing
	problems func(format string, args ...any)
}

// OnAir is an airing that has begun and is not reported yet.
type OnAir struct {
	ItemID    string            `json:"item_id"`
	SegmentID string            `json:"segment_id"`
	SHA256    string            `json:"sha256"`
	StartedAt schedules.Instant `json:"started_at"`
	Fallback  bool              `json:"fallback,omitempty"`
	Detail    string            `json:"detail,omitempty"`

	StarvedSince schedules.Instant `json:"starved_since,omitzero"`
}

// record is one line. Exactly one field is set.
type record struct {
	Next  int64            `json:"next,omitempty"`  // first record of a compacted file
	On    *OnAir           `json:"on,omitempty"`    // the item went on the air
	Entry *schedules.AsRun `json:"entry,omitempty"` // to report; ends the airing
	Aside *schedules.AsRun `json:"aside,omitempty"` // to report; does not affect the airing
	Ack   int64            `json:"ack,omitempty"`   // reported
}

const (
	spoolName    = "asrun.log"
	markName     = "asrun.next"
	spoolCompact = 1 << 20 // size in bytes from which a spool with no pending entries is rewritten
)

// Open opens the spool. The sequence numbers of a new one start at first, which must be greater than any that an
// earlier state directory of the station used. If entries are missing from the file, Lost describes that, and sequence
// numbers continue after the missing ones.
func Open(state *statedir.Dir, first int64, problems func(format string, args ...any)) (*Spool, error) {
	s := &Spool{state: state, next: first, pending: map[int64]schedules.AsRun{}, aside: map[string]schedules.Outcome{},
		arrived:  make(chan struct{}),
		problems: problems}
	marked, err := s.openMark()
	if err != nil {
		return nil, err
	}
	used, err := state.Used()
	if err != nil {
		return nil, errors.Join(err, s.mark.Close())
	}
	if err := s.load(first, marked, used); err != nil {
		return nil, errors.Join(err, s.mark.Close())
	}
	s.writeMark()
	return s, nil
}

// load reads the file. marked is the next sequence number according to the mark; 0: there is no mark. used reports that
// the directory was used before, and so had a file.
func (s *Spool) load(first, marked int64, used bool) error {
	b, err := s.state.Read(spoolName, 1<<30)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("playout: spool: %w", err)
	}
	damaged, at := s.replayAll(b)
	switch {
	case missing && (used || marked > 0):
		s.lost = "the as-run spool " + spoolName + " is gone: what had aired and was not reported yet is lost. Find out " +
			"who or what removed it"
	case !missing && len(b) == 0:
		s.lost = "the as-run spool " + spoolName + " is empty: what had aired and was not reported yet is lost. Find out " +
			"who or what emptied it"
	case s.next < marked && !bytes.ContainsRune(damaged, '\n'):
		s.lost = fmt.Sprintf("the as-run spool %s was cut short: entries %d to %d are missing, and what of them was not "+
			"reported yet is lost. Find out who or what cut it, and whether the disk fails", spoolName, s.next, marked-1)
	case len(damaged) > 0:
		s.problems("the as-run spool is damaged at byte %d; %d bytes are left out, and kept in %s.damaged", at, len(damaged),
			spoolName)
	case !missing:
		if s.file, err = s.state.Root.OpenFile(spoolName, os.O_RDWR, 0o600); err != nil {
			return fmt.Errorf("playout: spool: %w", err)
		}
		s.size = int64(len(b))
		return nil
	}
	// More than a truncated last line is damaged.
	if s.next = max(s.next, marked); s.lost != "" || bytes.ContainsRune(damaged, '\n') {
		s.next = max(s.next, first)
	}
	if len(damaged) > 0 {
		if err := s.state.Replace(spoolName+".damaged", damaged); err != nil { // for inspection by a person
			return err
		}
	}
	return s.compact()
}

// Lost describes what was missing from the spool when it was opened; "" if nothing was.
func (s *Spool) Lost() string { return s.lost }

// openMark opens the mark and returns its sequence number; 0: none.
func (s *Spool) openMark() (next int64, err error) {
	s.mark, err = s.state.Root.OpenFile(markName, os.O_RDWR, 0o600)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		s.mark, err = s.state.Root.OpenFile(markName, os.O_RDWR|os.O_CREATE, 0o600)
	}
	if err != nil {
		return 0, fmt.Errorf("playout: spool: %w", err)
	}
	b, err := io.ReadAll(io.NewSectionReader(s.mark, 0, 64))
	if err != nil {
		return 0, errors.Join(fmt.Errorf("playout: spool: %w", err), s.mark.Close())
	}
	if made {
		return 0, nil
	}
	next, err = strconv.ParseInt(string(b[:min(len(b), markDigits)]), 10, 64)
	if err != nil || string(b) != markOf(next) && string(b) != fmt.Sprintf("%0*d\n", markDigits, next) {
		s.problems("%s is damaged and left out: sequences go on by the as-run spool alone", markName)
		return 0, s.mark.Truncate(0)
	}
	return next, nil
}

// markDigits is the number of digits in a mark. Old marks, without a checksum, consist of these and a newline.
const markDigits = 20

// markOf returns the mark for a sequence number: its digits and their CRC-32.
func markOf(next int64) string {
	digits := fmt.Sprintf("%0*d", markDigits, next)
	return fmt.Sprintf("%s %08x\n", digits, crc32.ChecksumIEEE([]byte(digits)))
}

// writeMark saves the sequence number of the next entry. It neither syncs nor reports errors: after a power cut the
// mark may be behind the file, and then has no effect.
func (s *Spool) writeMark() {
	_, _ = s.mark.WriteAt([]byte(markOf(s.next)), 0)
}

// Unsent returns the entries in a spool that are not acknowledged yet. A player may be writing the spool meanwhile.
func Unsent(state *statedir.Dir) ([]schedules.AsRun, error) {
	b, err := state.Read(spoolName, 1<<30)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("playout: spool: %w", err)
	}
	s := &Spool{pending: map[int64]schedules.AsRun{}, aside: map[string]schedules.Outcome{}}
	s.replayAll(b)
	entries, _ := s.Pending(len(s.pending))
	return entries, nil
}

// replayAll applies the intact lines of b. It returns the damaged lines and the offset of the first of them.
func (s *Spool) replayAll(b []byte) (damaged []byte, first int) {
	at := 0
	for line := range bytes.Lines(b) {
		if r, ok := parseRecord(line); ok {
			s.replay(r)
		} else {
			if len(damaged) == 0 {
				first = at
			}
			damaged = append(damaged, line...)
		}
		at += len(line)
	}
	return damaged, first
}

func parseRecord(line []byte) (r record, ok bool) {
	var sum uint32
	text, found := bytes.CutSuffix(line, []byte("\n"))
	if !found || len(text) < 10 {
		return r, false
	}
	if _, err := fmt.Sscanf(string(text[:9]), "%08x ", &sum); err != nil || sum != crc32.ChecksumIEEE(text[9:]) {
		return r, false
	}
	return r, json.Unmarshal(text[9:], &r) == nil
}

func (s *Spool) replay(r record) {
	switch {
	case r.Next > 0:
		s.next = r.Next
	case r.On != nil:
		s.on = r.On
	case r.Entry != nil:
		s.on = nil
		s.pending[r.Entry.Sequence] = *r.Entry
		s.next = max(s.next, r.Entry.Sequence+1)
	case r.Aside != nil:
		s.pending[r.Aside.Sequence] = *r.Aside
		s.aside[r.Aside.ItemID] = r.Aside.Outcome
		s.next = max(s.next, r.Aside.Sequence+1)
	case r.Ack > 0:
		delete(s.pending, r.Ack)
	}
}

// Begin durably records the item that went on the air.
func (s *Spool) Begin(on OnAir) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(record{On: &on})
}

// OnAir returns the item on the air according to the spool; nil: none.
func (s *Spool) OnAir() *OnAir {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on
}

// Told reports whether an earlier entry has the same outcome for an item that did not air.
func (s *Spool) Told(e schedules.AsRun) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.aside[e.ItemID] == e.Outcome
}

// Append assigns a sequence number to the entry and makes it durable. If ends is true, the entry is the outcome of the
// item on the air.
func (s *Spool) Append(e schedules.AsRun, ends bool) (schedules.AsRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Sequence = s.next
	r := record{Aside: &e}
	if ends {
		r = record{Entry: &e}
	}
	if err := s.write(r); err != nil {
		return e, err
	}
	close(s.arrived)
	s.arrived = make(chan struct{})
	return e, nil
}

// Ack records that the service has the entries.
func (s *Spool) Ack(sequences ...int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ack(sequences)
}

// Acknowledge records that the service has the entries that receipts name, if they are the same here, and returns how
// many that are. An entry of the same sequence with other content stays.
func (s *Spool) Acknowledge(r wire.Receipts) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var same []int64
	for _, receipt := range r.Entries {
		e, ok := s.pending[receipt.Sequence]
		if !ok {
			continue
		}
		digest, err := e.Digest()
		if err != nil {
			return 0, err
		}
		if digest == receipt.Digest {
			same = append(same, e.Sequence)
		}
	}
	return len(same), s.ack(same)
}

// ack records all of them in one write.
func (s *Spool) ack(sequences []int64) error {
	var records []record
	for _, n := range sequences {
		if _, ok := s.pending[n]; ok {
			records = append(records, record{Ack: n})
		}
	}
	if len(records) == 0 {
		return nil
	}
	if err := s.write(records...); err != nil {
		return err
	}
	if len(s.pending) == 0 && s.size > spoolCompact {
		return s.compact()
	}
	return nil
}

// Pending returns at most limit entries that are not acknowledged, in order, and a channel that is closed when more
// arrive.
func (s *Spool) Pending(limit int) ([]schedules.AsRun, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.SortedFunc(maps.Values(s.pending), func(a, b schedules.AsRun) int {
		return cmp.Compare(a.Sequence,
			b.Sequence)
	})
	return out[:min(len(out), limit)], s.arrived
}

// write appends the records and applies them only after they are durable. The next write overwrites what a failed one
// left.
func (s *Spool) write(records ...record) error {
	line, err := encodeRecords(records)
	if err != nil {
		return err
	}
	if s.replaced() {
		s.problems("the as-run spool %s was removed or cut short while the player played, and is written anew with all "+
			"that is still to be reported", spoolName)
		if err := s.compact(); err != nil {
			return err
		}
	}
	if _, err = s.file.WriteAt(line, s.size); err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("playout: spool: %w", errors.Join(err, s.file.Truncate(s.size)))
	}
	s.size += int64(len(line))
	for _, r := range records {
		s.replay(r)
	}
	s.writeMark()
	return nil
}

// replaced reports whether the spool's name no longer refers to the file that it writes to, or that file is shorter
// than what was written.
func (s *Spool) replaced() bool {
	own, err := s.file.Stat()
	if err != nil {
		return false // the write reports the error
	}
	named, err := s.state.Root.Stat(spoolName)
	return errors.Is(err, fs.ErrNotExist) || err == nil && (!os.SameFile(own, named) || own.Size() < s.size)
}

func encodeRecord(r record) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("playout: spool: %w", err)
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(b), b), nil
}

func encodeRecords(records []record) (b []byte, err error) {
	for _, r := range records {
		line, err := encodeRecord(r)
		if err != nil {
			return nil, err
		}
		b = append(b, line...)
	}
	return b, nil
}

// compact rewrites the file without acknowledged records.
func (s *Spool) compact() error {
	records := []record{{Next: s.next}}
	if s.on != nil {
		records = append(records, record{On: s.on})
	}
	for _, n := range slices.Sorted(maps.Keys(s.pending)) {
		e := s.pending[n]
		records = append(records, record{Aside: &e})
	}
	b, err := encodeRecords(records)
	if err != nil {
		return err
	}
	if err := s.state.Replace(spoolName, b); err != nil {
		return err
	}
	f, err := s.state.Root.OpenFile(spoolName, os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("playout: spool: %w", err)
	}
	var old io.Closer = io.NopCloser(nil)
	if s.file != nil {
		old = s.file
	}
	s.file, s.size = f, int64(len(b))
	clear(s.aside)
	return old.Close()
}

// Close closes its files.
func (s *Spool) Close() error { return errors.Join(s.file.Close(), s.mark.Close()) }
