package playout

import (
	"fmt"
	"slices"
)

// alarm is something that is wrong now and needs a person.
type alarm struct{ key, text string }

// Raise makes the alarm of that name stand until Calm. Problems tell of what happened; an alarm tells of what is.
func (p *Problems) Raise(key, format string, args ...any) {
	text := told(fmt.Sprintf(format, args...)) // or the service refuses the whole status
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

// Calm ends the alarm of that name, if it stands.
func (p *Problems) Calm(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.alarms)
	p.alarms = slices.DeleteFunc(p.alarms, func(a alarm) bool { return a.key == key })
	if len(p.alarms) != before {
		p.signal()
	}
}

// Alarms are those that stand, the oldest first.
func (p *Problems) Alarms() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, a := range p.alarms {
		out = append(out, a.text)
	}
	return out
}

// Alarmed is closed when an alarm begins or ends.
func (p *Problems) Alarmed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alarmed
}

func (p *Problems) signal() {
	close(p.alarmed)
	p.alarmed = make(chan struct{})
}
