package library

import (
	"sync"

	"lifeline/internal/replica"
	"lifeline/schedules"
	"lifeline/schedules/planner"
)

// Planning is the library that planning reads, kept as the replica is, and the index of segments that was last compiled
// of it. Its lock is its own: who needs no library does not wait for one that is being made.
type Planning struct {
	replica *replica.Replica

	mu       sync.Mutex
	made     *schedules.Library
	segments int64 // changes of the index of segments that are in it
	scripts  int64 // likewise

	compiling sync.Mutex
	compiled  *planner.Catalogue
}

// NewPlanning reads segments and scripts from r.
func NewPlanning(r *replica.Replica) *Planning { return &Planning{replica: r} }

// Library is the library as the replica is now. Changed segments are taken into the one made before; after a change of
// a script, on which any number of segments rests, it is made anew.
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
	p.segments, p.scripts = segments, scripts // what has changed since may be in it, and is taken in again
	return p.made
}

// Catalogue is a library compiled for planning: of the one compiled before as much as has not changed.
func (p *Planning) Catalogue(l *schedules.Library) *planner.Catalogue {
	p.compiling.Lock()
	defer p.compiling.Unlock()
	if p.compiled == nil {
		p.compiled = planner.Compile(l)
	}
	p.compiled = p.compiled.Follow(l)
	return p.compiled
}

// update takes the changed segments into the library, unless it is to be made anew.
func (p *Planning) update() bool {
	changed, ok := replica.SegmentsIn(p.replica).Since(p.segments)
	for _, s := range changed {
		p.made = p.made.With(s)
	}
	return ok
}
