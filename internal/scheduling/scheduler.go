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

// Scheduler plans and publishes the days of the stations, and keeps published days fit to air. Each of its fields has
// one responsibility.
type Scheduler struct {
	Network *network.Definitions
	Record  *record.Record

	Rundowns  *Rundowns    // reads and numbers revisions
	Drafts    *Drafts      // plans and edits days
	Publisher *Publisher   // publishes and withdraws days
	Repairer  *Repairer    // removes items that may no longer air from queues
	Fallbacks *Fallbacks   // issues fallback lists
	Leases    *LeaseIssuer // issues leases and freshness
	Lists     *Lists       // returns what airs as plain lists
	People    *People      // reports when a person is off the air
	Scripts   *Scripts     // reports which parts of a script aired
	Seizures  *Seizures    // shuts out stations that others have taken
	Resigner  *Resigner    // signs documents again after a change of key

	StandingOrders *StandingOrders // plans and publishes the days of stations unattended
}

// core holds what the parts of Scheduler share.
type core struct {
	replica  *replica.Replica
	store    replica.Store
	signer   replica.Signer
	now      func() time.Time
	network  *network.Definitions
	planning *library.Planning
	queues   *record.Queues
}

// New returns a Scheduler that plans from the documents in r and s, and signs with signer. publicURL is the URL at
// which stations reach the service. lease is how long a station may air sensitive segments before it must ask again.
func New(r *replica.Replica, s *record.Records, signer replica.Signer, now func() time.Time, publicURL string,
	lease time.Duration) *Scheduler {
	planning := library.NewPlanning(r)
	definitions := network.New(r, planning, now)
	rec := record.New(r, s, signer, definitions, planning, now)
	c := &core{replica: r, store: s, signer: signer, now: now, network: definitions, planning: planning,
		queues: rec.Queues}
	url := strings.TrimRight(publicURL, "/")
	rundowns, summaries := &Rundowns{c}, &rundownSummaries{core: c, known: map[string]rundownSummary{}}
	in, beside := &inputs{c, rundowns, summaries, rec.Accounts, rec.MakeGoods}, &neighbours{c, summaries}
	fallbacks, leases := &Fallbacks{c, url}, &LeaseIssuer{c, lease}
	publisher := &Publisher{c, url, rundowns, in, beside, fallbacks, rec.Links}
	drafts := &Drafts{c, rundowns, in, beside}
	return &Scheduler{Network: definitions, Record: rec, Rundowns: rundowns, Drafts: drafts, Publisher: publisher,
		StandingOrders: &StandingOrders{core: c, rundowns: rundowns, drafts: drafts, publisher: publisher,
			tried: map[string]attempt{}},
		Repairer: &Repairer{core: c, rundowns: rundowns, inputs: in, publisher: publisher,
			budget: refillBudget, refilled: map[string]refillSearch{}, removed: map[string]map[string]struct{}{}},
		Fallbacks: fallbacks, Leases: leases,
		Lists: &Lists{c}, People: &People{c, leases}, Seizures: &Seizures{c, leases},
		Scripts: &Scripts{c, in}, Resigner: &Resigner{c, rundowns, publisher,
			fallbacks}}
}

// standingAccount returns what the standing order of a station did, and what keeps it.
func (s *core) standingAccount(station string) replica.StandingAccount {
	row, _ := replica.StandingAccountsIn(s.replica).Get(station)
	return row.Value
}

// standingWrite returns the write that stores the account of a station.
func (s *core) standingWrite(station string, a replica.StandingAccount) (store.Write, error) {
	if a.Days == nil {
		a.Days = []replica.StandingDay{}
	}
	body, err := replica.Encode(a)
	return store.Write{Kind: replica.KindStandingAccount, ID: station,
		Expect: replica.StandingAccountsIn(s.replica).Revision(station), Body: body}, err
}

// PlanOptions are the options of a plan.
type PlanOptions struct {
	Seed     uint64
	Keep     []string // ids of items of the latest rundown to keep
	Revision *int64   // expected revision of the latest rundown; nil: any
	DryRun   bool
	Together []schedules.Date    // the days that the same request plans
	Drafts   []schedules.Rundown // earlier drafts of the same request that are not stored

	account func(schedules.Rundown) (store.Write, error) // of a standing order: the write that belongs to the draft
}

// latestRundown is the stored latest rundown of a day. The zero value means that there is none.
type latestRundown struct {
	rundown  schedules.Rundown
	document int64           // revision of the document
	counter  *store.Document // the station's revision counter, if no other day may have changed since; nil: any may
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

// unsatisfiable turns the planner's errors for conflicting rules and for a failed search into Unsatisfiable, with their
// messages for the user. It returns any other error unchanged.
func unsatisfiable(err error) error {
	var conflict *planner.Unsatisfiable
	var none *planner.NotFound
	if errors.As(err, &conflict) || errors.As(err, &none) {
		return &fault.Error{Kind: fault.Unsatisfiable, Public: err.Error()}
	}
	return err
}
