package scheduling

import (
	"errors"
	"time"

	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/network"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
	"lifeline/schedules/planner"
)

// Scheduler plans and publishes the stations' days, and keeps what is published fit to air. Each of its fields has one
// responsibility.
type Scheduler struct {
	Network *network.Definitions
	Record  *record.Record

	Rundowns  *Rundowns    // reads rundowns
	Drafts    *Drafts      // plans and edits
	Publisher *Publisher   // publishes and withdraws
	Repairer  *Repairer    // takes out of queues what may not air any more
	Fallbacks *Fallbacks   // issues fallback lists
	Leases    *LeaseIssuer // issues leases
	Lists     *Lists       // tells what airs, for players that know only lists
	People    *People      // tells where a person is on the air
	Scripts   *Scripts     // tells what of a script aired
	Resigner  *Resigner    // signs anew after a change of the key
}

// core is what the parts of the scheduler share.
type core struct {
	replica  *replica.Replica
	store    replica.Store
	sealer   replica.Sealer
	now      func() time.Time
	network  *network.Definitions
	planning *library.Planning
	queues   *record.Queues
}

// New plans from what r and s hold, and signs with sealer. publicURL is where stations reach the service; lease is for
// how long they may air what is sensitive without asking again.
func New(r *replica.Replica, s *record.Records, sealer replica.Sealer, now func() time.Time, publicURL string,
	lease time.Duration) *Scheduler {
	planning := library.NewPlanning(r)
	definitions := network.New(r, planning, now)
	rec := record.New(r, s, sealer, definitions, planning, now)
	c := &core{replica: r, store: s, sealer: sealer, now: now, network: definitions, planning: planning,
		queues: rec.Queues}
	url := strings.TrimRight(publicURL, "/")
	rundowns, sketches := &Rundowns{c}, &sketches{core: c, known: map[string]sketch{}}
	in, beside := &inputs{c, rundowns, sketches, rec.Accounts, rec.MakeGoods}, &neighbours{c, sketches}
	fallbacks, leases := &Fallbacks{c, url}, &LeaseIssuer{c, lease}
	publisher := &Publisher{c, url, rundowns, in, beside, fallbacks, rec.Links}
	return &Scheduler{Network: definitions, Record: rec, Rundowns: rundowns, Drafts: &Drafts{c, rundowns, in, beside},
		Publisher: publisher,
		Repairer:  &Repairer{core: c, rundowns: rundowns, inputs: in, publisher: publisher, refilled: map[string]look{}},
		Fallbacks: fallbacks, Leases: leases,
		Lists: &Lists{c}, People: &People{c, leases}, Scripts: &Scripts{c, in}, Resigner: &Resigner{c, rundowns, publisher,
			fallbacks}}
}

// PlanOptions steer a plan.
type PlanOptions struct {
	Seed     uint64
	Keep     []string // ids of items of the latest rundown that stay
	Revision *int64   // of the latest rundown that the caller knows; nil: any
	DryRun   bool
	Together []schedules.Date    // the days that the same request plans
	Drafts   []schedules.Rundown // what it has planned before, but not stored
}

// latestRundown is the latest rundown of a day as it is stored. Its zero value stands for none.
type latestRundown struct {
	rundown  schedules.Rundown
	document int64           // revision of the document
	counter  *store.Document // of the station's revisions, where no other day may have changed since; nil: any may
}

func frozenItems(r schedules.Rundown, horizon time.Time) []schedules.Item {
	frozen := map[string]bool{}
	for _, w := range r.Windows {
		frozen[w.Window+w.StartAt.String()] = !w.StartAt.After(horizon)
	}
	var out []schedules.Item
	for _, i := range r.Items {
		if slot, ok := r.SlotOf(i); ok && frozen[slot.Window+slot.StartAt.String()] {
			out = append(out, i)
		}
	}
	return out
}

// unsatisfiable tells a scheduler why there is no plan: the rules conflict, or none was found. It passes on any other
// error.
func unsatisfiable(err error) error {
	var conflict *planner.Unsatisfiable
	var none *planner.NotFound
	if errors.As(err, &conflict) || errors.As(err, &none) {
		return &fault.Error{Kind: fault.Unsatisfiable, Public: err.Error()}
	}
	return err
}
