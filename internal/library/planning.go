package library

import (
	"sync"

	"lifeline/internal/replica"
	"lifeline/schedules"
	"lifeline/schedules/planner"
)

// Planning holds the library that planning reads, up to date with the replica, and the catalogue compiled from it last.
// It has its own lock, so that callers which need no library do not wait while one is built.
type Planning struct {
	replica *replica.Replica

	mu       sync.Mutex
	made     *schedules.Library
	segments int64 // changes of the segment index that are included
	scripts  int64 // changes of the scripts that are included

	compiling sync.Mutex
	compiled  *planner.Catalogue
}

// NewPlanning returns a Planning that reads segments and scripts from r.
func NewPlanning(r *replica.Replica) *Planning { return &Planning{replica: r} }

// Library returns the library with the present state of the replica. It adds changed segments to the previous library.
// After a change of a script, which can affect any number of segments, it builds a new one.
func (p *Planning) Library() *schedules.Library {
	p.mu.Lock()
	defer p.mu.Unlock()
	segments, scripts := replica.SegmentsIn(p.replica).Changes(), replica.ScriptsIn(p.replica).Changes()
	if p.made != nil && segments == p.segments && scripts == p.scripts {
		return p.made
	}
	if p.made == nil || scripts != p.scripts || !p.update() {
		var all []schedules.Script
		for _, row := range replica.ScriptsIn(p.replica).After("", "") {
			all = append(all, row.Value)
		}
		p.made = schedules.Prepare(replica.SegmentsIn(p.replica).All(), all)
	}
	p.segments, p.scripts = segments, scripts // later changes may already be included, and are then applied again
	return p.made
}

// Catalogue returns a library compiled for planning. It reuses the unchanged parts of the previous catalogue.
func (p *Planning) Catalogue(l *schedules.Library) *planner.Catalogue {
	p.compiling.Lock()
	defer p.compiling.Unlock()
	if p.compiled == nil {
		p.compiled = planner.Compile(l)
	}
	p.compiled = p.compiled.Follow(l)
	return p.compiled
}

// update adds the changed segments to the library, and reports whether that was possible without a rebuild.
func (p *Planning) update() bool {
	changed, ok := replica.SegmentsIn(p.replica).Since(p.segments)
	for _, s := range changed {
		p.made = p.made.With(s)
	}
	return ok
}
