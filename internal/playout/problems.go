package playout

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"lifeline/internal/text"
)

// Problems records what the station refused or failed to do, for its status. It logs each problem when it is new.
type Problems struct {
	now Now
	log *slog.Logger

	mu      sync.Mutex
	list    []problem     // newest first
	alarms  []alarm       // that are raised, oldest first
	alarmed chan struct{} // closed when an alarm is raised or ends
}

type problem struct {
	at   time.Time
	text string
}

// maxProblems and problemAge bound the number and the age of the problems recorded.
const (
	maxProblems = 20
	problemAge  = 24 * time.Hour
)

// NewProblems returns an empty Problems.
func NewProblems(now Now, log *slog.Logger) *Problems {
	return &Problems{now: now, log: log, alarmed: make(chan struct{})}
}

// Add records a problem. If it is recorded already, it becomes the newest again.
func (p *Problems) Add(format string, args ...any) {
	said := told(fmt.Sprintf(format, args...))
	p.mu.Lock()
	defer p.mu.Unlock()
	known := slices.IndexFunc(p.list, func(x problem) bool { return x.text == said })
	if known >= 0 {
		p.list = slices.Delete(p.list, known, known+1)
	} else {
		p.log.Warn(said)
	}
	p.list = slices.Insert(p.list, 0, problem{p.now(), said})
	p.list = p.list[:min(len(p.list), maxProblems)]
}

// mostTold is the maximum length in characters of a text that the service accepts.
const mostTold = 500

// told returns s as the service accepts it: cleaned to one line (text.Clean) of at most mostTold characters.
func told(s string) string { return text.Cut(s, mostTold) }

// List returns the problems of the last day, newest first.
func (p *Problems) List() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, x := range p.list {
		if p.now().Sub(x.at) < problemAge {
			out = append(out, x.text)
		}
	}
	return out
}
