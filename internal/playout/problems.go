package playout

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"lifeline/internal/text"
)

// Problems remembers what the station refused or could not do, for its status. It logs each when it is new.
type Problems struct {
	now Now
	log *slog.Logger

	mu      sync.Mutex
	list    []problem     // newest first
	alarms  []alarm       // that stand, oldest first
	alarmed chan struct{} // closed when one begins or ends
}

type problem struct {
	at   time.Time
	text string
}

// maxProblems and problemAge bound what is remembered.
const (
	maxProblems = 20
	problemAge  = 24 * time.Hour
)

// NewProblems remembers nothing yet.
func NewProblems(now Now, log *slog.Logger) *Problems {
	return &Problems{now: now, log: log, alarmed: make(chan struct{})}
}

// Add remembers a problem. One that is remembered already only becomes the newest again.
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

// mostTold is how many characters of one text the service takes.
const mostTold = 500

// told is what the service takes of the station's own words: one line, without what other programs left in it.
func told(s string) string { return text.Cut(s, mostTold) }

// List is what was wrong in the last day, newest first.
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
