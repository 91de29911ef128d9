package spool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"lifeline/internal/playout/statedir"
	"lifeline/schedules"
)

// Heard is until when what is on the air was heard. ItemID and StartedAt say what that is.
type Heard struct {
	ItemID    string            `json:"item_id"`
	StartedAt schedules.Instant `json:"started_at"`
	Until     schedules.Instant `json:"until"`
}

// pulse keeps the latest heard durable, each second for years: two fixed places of one file are written in turn, so
// that a crash in the middle of one leaves the other.
type pulse struct {
	file *os.File
	turn int64
}

const (
	pulseName = "onair"
	pulseSize = 512
)

// openPulse opens the file and answers what its good places say.
func openPulse(state *statedir.Dir) (*pulse, []Heard, error) {
	f, err := state.Root.OpenFile(pulseName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("playout: on air: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, 2*pulseSize))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("playout: on air: %w", err), f.Close())
	}
	var found []Heard
	for place := range bytes.Lines(b) {
		var h Heard
		var sum uint32
		if len(place) != pulseSize {
			continue
		}
		if _, err := fmt.Sscanf(string(place[:9]), "%08x ", &sum); err != nil || sum != crc32.ChecksumIEEE(place[9:]) {
			continue
		}
		if json.Unmarshal(place[9:], &h) == nil {
			found = append(found, h)
		}
	}
	return &pulse{file: f}, found, nil
}

// beat makes h durable.
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
