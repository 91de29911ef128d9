package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"

	"lifeline/internal/playout/statedir"
	"lifeline/schedules"
)

// Heard is the time until which the item on the air was heard. ItemID and StartedAt identify the airing.
type Heard struct {
	ItemID    string            `json:"item_id"`
	StartedAt schedules.Instant `json:"started_at"`
	Until     schedules.Instant `json:"until"`
}

// pulse saves the latest Heard durably, each second for years. It writes alternately to two fixed places in one file,
// so that a crash during one write leaves the other place intact.
type pulse struct {
	file *os.File
	turn int64
}

const (
	pulseName = "onair"
	pulseSize = 512
)

// openPulse opens the file and returns the contents of its intact places, and whether there is a damaged one.
func openPulse(state *statedir.Dir) (p *pulse, found []Heard, damaged bool, err error) {
	f, err := state.Root.OpenFile(pulseName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, false, fmt.Errorf("playout: on air: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, 2*pulseSize))
	if err != nil {
		return nil, nil, false, errors.Join(fmt.Errorf("playout: on air: %w", err), f.Close())
	}
	damaged = len(b)%pulseSize != 0
	for place := range slices.Chunk(b, pulseSize) {
		if h, ok := parsePlace(place); ok {
			found = append(found, h)
		} else {
			damaged = true
		}
	}
	return &pulse{file: f}, found, damaged, nil
}

func parsePlace(place []byte) (h Heard, ok bool) {
	var sum uint32
	if len(place) != pulseSize {
		return h, false
	}
	if _, err := fmt.Sscanf(string(place[:9]), "%08x ", &sum); err != nil || sum != crc32.ChecksumIEEE(place[9:]) {
		return h, false
	}
	return h, json.Unmarshal(place[9:], &h) == nil
}

// beat saves h durably.
func (p *pulse) beat(h Heard) error {
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("playout: on air: %w", err)
	}
	if len(b) > pulseSize-10 {
		return fmt.Errorf("playout: on air: %d bytes are too many", len(b))
	}
	b = append(b, bytes.Repeat([]byte{' '}, pulseSize-10-len(b))...)
	b = append(b, '\n')
	b = append(fmt.Appendf(nil, "%08x ", crc32.ChecksumIEEE(b)), b...)
	if _, err := p.file.WriteAt(b, p.turn*pulseSize); err != nil {
		return fmt.Errorf("playout: on air: %w", err)
	}
	p.turn = 1 - p.turn
	if err := p.file.Sync(); err != nil {
		return fmt.Errorf("playout: on air: %w", err)
	}
	return nil
}
