package playout

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

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
	said := formatText(format, args...)
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

// formatText returns a text as the service accepts it. If it is too long, the longest argument is shortened until it
// fits, so that the format, which has the cure, stays whole.
func formatText(format string, args ...any) string {
	args = slices.Clone(args)
	for range args {
		over := utf8.RuneCountInString(text.Clean(fmt.Sprintf(format, args...))) - mostTold
		longest, length := -1, 0
		for i, a := range args {
			switch a.(type) {
			case string, error, fmt.Stringer:
				if n := utf8.RuneCountInString(fmt.Sprint(a)); n > length {
					longest, length = i, n
				}
			}
		}
		if over <= 0 || longest < 0 {
			break
		}
		args[longest] = text.Cut(fmt.Sprint(args[longest]), max(length-over, leastTold))
	}
	return cleanText(fmt.Sprintf(format, args...))
}

// leastTold is the number of characters that are left of each argument of a long text.
const leastTold = 40

// cleanText returns s as the service accepts it: cleaned to one line (text.Clean) of at most mostTold characters. What
// is no character, as in an answer that was changed on the way, becomes a question mark.
func cleanText(s string) string {
	return text.Cut(strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\ufffd", "?"), mostTold)
}

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
