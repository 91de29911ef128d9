package control

import (
	"sync"

	"lifeline/schedules"
	"lifeline/schedules/planner"
)

// prepared is the library that planning reads, kept as the mirror is, and the catalogue that was last compiled of it. Its lock is its own: who needs no library does not wait
// for one that is being made.
type prepared struct {
	mirror *Mirror

	mu       sync.Mutex
	made     *schedules.Library
	segments int64 // changes of the catalogue that are in it
	scripts  int64 // likewise

	compiling sync.Mutex
	compiled  *planner.Catalogue
}

// library is the library as the mirror is now. Changed segments are taken into the one made before; after a change of a script,
// on which any number of segments rests, it is made anew.
func (p *prepared) library() *schedules.Library {
	p.mu.Lock()
	defer p.mu.Unlock()
	segments, scripts := segmentsIn(p.mirror).changes(), scriptsIn(p.mirror).changes()
	if p.made != nil && segments == p.segments && scripts == p.scripts {
		return p.made
	}
	if p.made == nil || scripts != p.scripts || !p.update() {
		var all []schedules.Script
		for _, row := range scriptsIn(p.mirror).after("", "") {
			all = append(all, row.value)
		}
		p.made = schedules.Prepare(segmentsIn(p.mirror).all(), all)
	}
	p.segments, p.scripts = segments, scripts // what has changed since may be in it, and is taken in again
	return p.made
}

// catalogue is a library compiled for planning: of the one compiled before as much as has not changed.
func (p *prepared) catalogue(l *schedules.Library) *planner.Catalogue {
	p.compiling.Lock()
	defer p.compiling.Unlock()
	if p.compiled == nil {
		p.compiled = planner.Compile(l)
	}
	p.compiled = p.compiled.Follow(l)
	return p.compiled
}

// update takes the changed segments into the library, unless it is to be made anew.
func (p *prepared) update() bool {
	changed, ok := segmentsIn(p.mirror).since(p.segments)
	for _, s := range changed {
		p.made = p.made.With(s)
	}
	return ok
}
