package playout

import (
	"slices"

	"lifeline/internal/fault"
)

// alarm is a condition that persists now and that a person must resolve.
type alarm struct{ key, text string }

// Raise raises the alarm with the given key, or updates its text; it persists until Calm. Problems report past events,
// alarms report present conditions.
func (p *Problems) Raise(key, format string, args ...any) {
	text := formatText(format, args...) // the service would refuse the whole status for invalid text
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.alarms, func(a alarm) bool { return a.key == key }); i >= 0 {
		p.alarms[i].text = text
		return
	}
	p.alarms = append(p.alarms, alarm{key, text})
	p.log.Error(text)
	p.signal()
}

// Calm ends the alarm with the given key, if it is raised.
func (p *Problems) Calm(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.alarms)
	p.alarms = slices.DeleteFunc(p.alarms, func(a alarm) bool { return a.key == key })
	if len(p.alarms) != before {
		p.signal()
	}
}

// Alarms returns the texts of the raised alarms, the oldest first.
func (p *Problems) Alarms() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, a := range p.alarms {
		out = append(out, a.text)
	}
	return out
}

// Alarmed returns a channel that is closed when an alarm is raised or ends.
func (p *Problems) Alarmed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alarmed
}

func (p *Problems) signal() {
	close(p.alarmed)
	p.alarmed = make(chan struct{})
}

// diskWords returns in words why the disk refused something.
func diskWords(err error) string {
	if fault.NoRoom(err) {
		return "the disk is full"
	}
	return err.Error()
}
