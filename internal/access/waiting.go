package access

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/names"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// KindWaiting is a change that waits for a second person.
const KindWaiting = "waiting"

// waiting is a commit that waits for a second person, as it will be made.
type waiting struct {
	By        string            `json:"by"`
	ByID      string            `json:"by_id,omitempty"`
	At        schedules.Instant `json:"at"`
	ExpiresAt schedules.Instant `json:"expires_at"`
	Action    string            `json:"action"`
	Reason    string            `json:"reason,omitempty"`
	Why       string            `json:"why"` // two persons are needed
	Writes    []waitingWrite    `json:"writes"`
}

type waitingWrite struct {
	Kind   string          `json:"kind"`
	ID     string          `json:"id"`
	Expect int64           `json:"expect"`
	Delete bool            `json:"delete,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// NeedsTwo gives every reason why a commit needs two persons, divided by reasonsDivided, and how long it may wait for
// the second; "": it needs one.
type NeedsTwo func(c store.Commit) (why string, life time.Duration)

const reasonsDivided = "; "

// Confirmations holds the changes that need two persons: what one of them asks for waits, changes nothing, and is made
// when another confirms it. They are commits, so that every way to make such a change is held.
type Confirmations struct {
	replica *replica.Replica
	now     func() time.Time
	rule    NeedsTwo
	asking  sync.Mutex

	// Renew returns writes that waited as they are made now: what is published carries numbers that other days use up
	// meanwhile. nil: as they are.
	Renew func(ctx context.Context, writes []store.Write) ([]store.Write, error)
}

// NewConfirmations returns the Confirmations of a rule. Its Guard is that of the replica.
func NewConfirmations(m *replica.Replica, rule NeedsTwo, now func() time.Time) *Confirmations {
	return &Confirmations{replica: m, rule: rule, now: now}
}

// waitingMost bounds the changes of one person that wait.
const waitingMost = 20

// guarded are the kinds of documents that a rule decides on, and the count of ends of others' access.
var guarded = []string{replica.KindSegment, replica.KindScript, replica.KindStation, replica.KindClock,
	replica.KindQueue, replica.KindPerson, KindEnds}

// endsWait is how long an end of others' access waits for a second person.
const endsWait = 24 * time.Hour

func waitingIn(m *replica.Replica) *replica.Cache[waiting] {
	return replica.CacheOf[*replica.Cache[waiting]](m, KindWaiting)
}

// Guard makes a commit wait that needs two persons: it stores the request and fails with Forbidden, which names it.
// Otherwise it calls commit. It decides on one commit after the other, so that no two slip past a bound together: in
// this process by a lock, and over all replicas by a turn, with which commit fails if another was first.
func (s *Confirmations) Guard(ctx context.Context, c store.Commit, commit func(store.Commit) error) error {
	if !slices.ContainsFunc(c.Writes, func(w store.Write) bool { return slices.Contains(guarded, w.Kind) }) {
		return commit(c)
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	decided := c
	if s.takes(c) {
		turn, err := replica.Turn(ctx, s.replica, replica.ActsTurn)
		if err != nil {
			return err
		}
		decided.Writes = append(slices.Clone(c.Writes), turn)
	}
	many := s.manyEnds(c)
	c.Writes = slices.DeleteFunc(replica.WithoutCounts(c.Writes), func(w store.Write) bool {
		return w.Kind == KindEnds
	}) // they count nothing for who confirms it later
	why, life := s.rule(c)
	switch {
	case many == "":
	case why == "":
		why, life = many, endsWait
	default:
		why, life = why+reasonsDivided+many, min(life, endsWait)
	}
	if why == "" {
		return commit(decided)
	}
	w := waiting{By: c.By, ByID: c.Person, At: schedules.At(s.now()), ExpiresAt: schedules.At(s.now().Add(life)),
		Action: c.Action, Reason: c.Reason, Why: why}
	for _, one := range c.Writes {
		w.Writes = append(w.Writes, waitingWrite{one.Kind, one.ID, one.Expect, one.Delete, one.Body})
	}
	ask, err := replica.Encode(w)
	if err != nil {
		return err
	}
	asked, replaced := 0, ""
	id := replica.NewID()
	asks := []store.Write{{Kind: KindWaiting, ID: id, Body: ask}}
	for earlier, row := range waitingIn(s.replica).After("", "") {
		v := row.Value
		if v.ExpiresAt.Before(s.now()) || v.By != w.By || v.ByID != w.ByID {
			continue
		}
		if v.Action != w.Action || !slices.EqualFunc(v.Writes, w.Writes, sameDocument) {
			asked++
			continue
		}
		if slices.EqualFunc(v.Writes, w.Writes, sameWrite) {
			return waits(earlier, v, "")
		}
		asks = append(asks, store.Write{Kind: KindWaiting, ID: earlier, Expect: row.Revision, Delete: true})
		replaced = earlier
	}
	if asked >= waitingMost {
		return fault.New(fault.Forbidden, "%s: another person must confirm it, and %d changes of %s wait already: let "+
			"another person confirm them, or withdraw them (lifeline waiting)", why, asked, w.By)
	}
	origin := c.Origin
	origin.Action, origin.Reason = "change.ask", w.Action+": "+why
	err = s.replica.CommitConfirmed(ctx, store.Commit{Writes: asks, Origin: origin})
	return cmp.Or(err, waits(id, w, replaced))
}

// takes reports whether a commit may take away what another leaves, and has no turn for that yet: it changes an
// approved segment, a script, a station or a clock.
func (s *Confirmations) takes(c store.Commit) bool {
	if slices.ContainsFunc(c.Writes, func(w store.Write) bool {
		return w.Kind == replica.KindTurn && w.ID == replica.ActsTurn
	}) {
		return false
	}
	return slices.ContainsFunc(c.Writes, func(w store.Write) bool {
		before, _ := replica.SegmentsIn(s.replica).Get(w.ID)
		return w.Kind == replica.KindSegment && before.Value.State == schedules.Approved ||
			w.Expect > 0 && (w.Kind == replica.KindScript || w.Kind == replica.KindStation || w.Kind == replica.KindClock)
	})
}

func sameDocument(a, b waitingWrite) bool { return a.Kind == b.Kind && a.ID == b.ID }

// sameWrite reports whether two writes make the same of a document, at whatever time: the id of what waits stands for
// its content.
func sameWrite(a, b waitingWrite) bool {
	return sameDocument(a, b) && a.Expect == b.Expect && a.Delete == b.Delete && content(a.Body) == content(b.Body)
}

// content returns a body without the revision and the times at which it was written, in a form that can be compared.
func content(body json.RawMessage) string {
	v := replica.Members(body)
	if v == nil {
		return string(body)
	}
	for _, written := range []string{"revision", "guarded_since", "ended_at", "seized_at"} {
		delete(v, written)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return string(body)
	}
	return string(b)
}

// waits says that a change waits, and which one it replaced.
func waits(id string, w waiting, replaced string) error {
	instead := ""
	if replaced != "" {
		instead = ". It replaces " + replaced + ", by which you asked to change the same, and which waits no more"
	}
	return fault.New(fault.Forbidden, "%s, so nothing was changed yet: it waits as %s until %s for another person, who "+
		"confirms it (lifeline waiting confirm %s)%s", w.Why, id, w.ExpiresAt, id, instead)
}

// List returns the changes that wait, the oldest first, with what they would change: what a may know of it. Those of
// others' access are for administrators.
func (s *Confirmations) List(ctx context.Context, a Actor) (out []wire.Waiting, err error) {
	for id, row := range waitingIn(s.replica).After("", "") {
		if row.Value.ExpiresAt.Before(s.now()) || !a.Has(Admin) && ofAdministrators(row.Value) {
			continue
		}
		w := shown(id, row.Value)
		w.Documents = w.Documents[:0]
		for _, one := range row.Value.Writes {
			if kind, _ := s.replica.Kinds.Find(one.Kind); kind.Derived {
				continue
			}
			write, err := s.asItIs(ctx, one)
			if err != nil {
				return nil, err
			}
			fields, current, err := s.replica.FieldsOf(ctx, write, a.Sensitive)
			if err != nil {
				return nil, err
			}
			w.Documents = append(w.Documents, wire.WaitingDocument{Kind: one.Kind, ID: one.ID, Delete: one.Delete,
				Fields: fields, Stale: !current})
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b wire.Waiting) int {
		return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

func (w waitingWrite) write() store.Write {
	return store.Write{Kind: w.Kind, ID: w.ID, Expect: w.Expect, Body: w.Body, Delete: w.Delete}
}

// asItIs returns a write that waits. What its use changes, such as a session, is deleted as it is by then.
func (s *Confirmations) asItIs(ctx context.Context, w waitingWrite) (store.Write, error) {
	out := w.write()
	if kind, _ := s.replica.Kinds.Find(w.Kind); !w.Delete || !kind.Often {
		return out, nil
	}
	d, err := s.replica.Store.Get(ctx, w.Kind, w.ID)
	if fault.Is(err, fault.NotFound) {
		return out, nil // the commit will fail
	}
	out.Expect = d.Revision
	return out, err
}

// WaitingWrites returns the writes of a stored change that waits.
func WaitingWrites(d store.Document) (out []store.Write, err error) {
	w, err := replica.Decode[waiting](d)
	for _, one := range w.Writes {
		out = append(out, one.write())
	}
	return out, err
}

func shown(id string, w waiting) wire.Waiting {
	out := wire.Waiting{ID: id, By: w.By, Person: w.ByID, At: w.At, ExpiresAt: w.ExpiresAt, Action: w.Action,
		Reason: w.Reason, Why: w.Why, Documents: []wire.WaitingDocument{}}
	for _, one := range w.Writes {
		out.Documents = append(out.Documents, wire.WaitingDocument{Kind: one.Kind, ID: one.ID, Delete: one.Delete})
	}
	return out
}

// get returns a change that waits. It fails with NotFound.
func (s *Confirmations) get(id string) (replica.Row[waiting], error) {
	row, ok := waitingIn(s.replica).Get(id)
	if !ok || row.Value.ExpiresAt.Before(s.now()) {
		return row, fault.New(fault.NotFound, "no change waits as %q: it was confirmed, withdrawn, or waited too long "+
			"(lifeline waiting lists those that wait)", id)
	}
	return row, nil
}

// ofAdministrators reports whether a change is of others' access alone: of persons, tokens and sessions. A seizure also
// ends the tokens of its station.
func ofAdministrators(w waiting) bool {
	return !slices.ContainsFunc(w.Writes, func(one waitingWrite) bool {
		return one.Kind == replica.KindSegment || one.Kind == replica.KindScript || slices.Contains(ofSchedulers, one.Kind)
	})
}

// ofSchedulers are the kinds that producers do not change.
var ofSchedulers = []string{replica.KindStation, replica.KindClock, replica.KindCampaign, replica.KindQueue,
	replica.KindStationKeys}

// figure is what of a reason may differ though the reason is the same, such as from when on nothing airs.
var figure = regexp.MustCompile(`\d[\d.:a-zµ]*`)

// grown reports whether a change needs two persons for reasons now that were not told when it was put to wait.
func grown(told, now string) bool {
	known := strings.Split(figure.ReplaceAllString(told, "#"), reasonsDivided)
	for _, why := range strings.Split(figure.ReplaceAllString(now, "#"), reasonsDivided) {
		at := slices.Index(known, why)
		if at < 0 {
			return true
		}
		known = slices.Delete(known, at, at+1)
	}
	return false
}

// judgeAnew returns a change that waits with the reasons why it needs two persons now. It fails with Conflict if there
// are more of them than whoever confirms it has seen: it goes on waiting, with these.
func (s *Confirmations) judgeAnew(ctx context.Context, id string, row replica.Row[waiting], writes []store.Write) (
	waiting, error) {
	w := row.Value
	why, _ := s.rule(store.Commit{Writes: writes, Origin: store.Origin{At: s.now(), By: w.By, Person: w.ByID,
		Action: w.Action, Reason: w.Reason}})
	if why == "" {
		return w, nil
	}
	told := w.Why
	w.Why = why
	if !grown(told, why) {
		return w, nil
	}
	body, err := replica.Encode(w)
	if err != nil {
		return w, err
	}
	err = s.replica.CommitConfirmed(ctx, store.Commit{Origin: System.Origin(s.now(), "change.ask", w.Action+": "+why),
		Writes: []store.Write{{Kind: KindWaiting, ID: id, Expect: row.Revision, Body: body}}})
	return w, cmp.Or(err, fault.New(fault.Conflict, "this change was not made, and waits on as %s: since %s asked for it "+
		"at %s, it has come to need two persons for more reasons. All of them now: %s. Look at it, and confirm it again if "+
		"it is right (lifeline waiting confirm %s)", id, w.By, w.At, why, id))
}

// Confirm makes a change that waits, which it judges by what is stored now. It fails with Conflict if it then needs two
// persons for more than it waits for. It fails with Forbidden for the person who asked for it, for a producer if
// schedulers make such changes and for everybody but administrators if it is of others' access, for an actor who may
// not see all that it changes, and if the person who asked was ended or may no longer change it; and with Stale if
// something that it changes has changed since.
func (s *Confirmations) Confirm(ctx context.Context, a Actor, id string) (wire.Waiting, error) {
	row, err := s.get(id)
	if err != nil {
		return wire.Waiting{}, err
	}
	w := row.Value
	if who, why := a.OneWith(s.replica, w.ByID, w.By, w.At); who != "" {
		return wire.Waiting{}, fault.New(fault.Forbidden, "%s asked for this change: another person must confirm it%s", who,
			why)
	}
	if err := a.OnlyPersons("this change"); err != nil {
		return wire.Waiting{}, err
	}
	if err := decides(a, w); err != nil {
		return wire.Waiting{}, err
	}
	if err := s.mayStill(w); err != nil {
		return wire.Waiting{}, err
	}
	if err := s.sees(ctx, a, w); err != nil {
		return wire.Waiting{}, err
	}
	writes := []store.Write{{Kind: KindWaiting, ID: id, Expect: row.Revision, Delete: true}}
	var asked []store.Write
	for _, one := range w.Writes {
		write, err := s.asItIs(ctx, one)
		if err == nil {
			err = s.replica.Scope(w.ByID, write)
		}
		if err != nil {
			return wire.Waiting{}, err
		}
		asked = append(asked, write)
		if t, known := tokensIn(s.replica).Get(one.ID); known && one.Kind == KindToken && one.Delete {
			made, err := endsMadeBy(s.replica, t.Value, s.now())
			if err != nil {
				return wire.Waiting{}, err
			}
			writes = append(writes, made...)
		}
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	if s.Renew != nil {
		asked, err = s.Renew(ctx, asked)
	}
	if err == nil {
		if w, err = s.judgeAnew(ctx, id, row, asked); err != nil {
			return wire.Waiting{}, err
		}
		err = replica.CommitSeconded(ctx, s.replica, store.Commit{Writes: append(writes, asked...),
			Origin: a.Origin(s.now(), w.Action, "asked for by "+w.By+": "+cmp.Or(w.Reason, w.Why))})
	}
	if fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) {
		err = fault.New(fault.Stale, "what this changes has changed since %s asked for it at %s: withdraw it (lifeline "+
			"waiting withdraw %s), look again, and ask again", w.By, w.At, id)
	}
	return shown(id, w), err
}

// decides fails with Forbidden for an actor who may not make such a change.
func decides(a Actor, w waiting) error {
	if ofAdministrators(w) && !a.Has(Admin) {
		return fault.New(fault.Forbidden, "this changes the access of persons who work with the service: an administrator "+
			"must decide on it")
	}
	for _, one := range w.Writes {
		if !a.Has(SchedulerJob) && !a.Has(Admin) && slices.Contains(ofSchedulers, one.Kind) {
			return fault.New(fault.Forbidden, "this changes %s %q: a scheduler or an administrator must decide on it", one.Kind,
				one.ID)
		}
	}
	return nil
}

// mayStill fails with Forbidden if the person who asked for a change was ended since, or has no role any more that
// makes such changes.
func (s *Confirmations) mayStill(w waiting) error {
	row, known := s.asker(w)
	if !known {
		return nil
	}
	const cure = "withdraw it, and ask for it yourself if it is right"
	if ended := row.EndedAt; !ended.IsZero() {
		return fault.New(fault.Forbidden, "%s asked for this change and was ended on %s: %s", w.By, ended, cure)
	}
	var now Actor
	for _, r := range row.Roles {
		now.Roles = append(now.Roles, Role(r))
	}
	if makes := now.Has(Producer) || now.Has(SchedulerJob) || now.Has(Admin); !makes || decides(now, w) != nil {
		return fault.New(fault.Forbidden, "%s asked for this change and has no role any more that makes it: %s", w.By, cure)
	}
	return nil
}

// asker returns the person who asked for a change; ok is false for a machine.
func (s *Confirmations) asker(w waiting) (replica.KnownPerson, bool) {
	row, ok := replica.PersonsIn(s.replica).Get(cmp.Or(w.ByID, s.replica.PersonNamed(names.Of(w.By))))
	return row.Value, ok
}

// ofTheNamed are the fields of a segment that only persons change who are named for what is sensitive.
var ofTheNamed = []string{"persons", "former_persons", "consent", "sensitive"}

// sees fails with Forbidden if a may not see all that a change changes, or if the person who asked for it may no longer
// see persons and consent that it changes. A recall protects the persons in a segment: it waits for no named person.
func (s *Confirmations) sees(ctx context.Context, a Actor, w waiting) error {
	asker, known := s.asker(w)
	for _, one := range w.Writes {
		if one.Kind != replica.KindSegment || s.recalls(one) {
			continue
		}
		fields, _, err := s.replica.FieldsOf(ctx, one.write(), a.Sensitive)
		if err != nil {
			return err
		}
		for _, f := range fields {
			top, _, _ := strings.Cut(f.Field, ".")
			named := slices.Contains(ofTheNamed, top) && f.After != "true"
			if (f.Hidden || named) && !a.Sensitive {
				return fault.New(fault.Forbidden, "this changes %q of segment %q, which only persons see who are named for it: "+
					"one of them must confirm it (an administrator names who may, with lifeline people set PERSON --sensitive)",
					f.Field, one.ID)
			}
			if named && known && !asker.Sensitive {
				return fault.New(fault.Forbidden, "%s asked for this change of %q of segment %q and is not named for it any "+
					"more: withdraw it, and ask for it yourself if it is right", w.By, f.Field, one.ID)
			}
		}
	}
	return nil
}

// recalls reports whether a write recalls a segment.
func (s *Confirmations) recalls(w waitingWrite) bool {
	before, _ := replica.SegmentsIn(s.replica).Get(w.ID)
	after, err := replica.ParsePart[schedules.Segment](w.Body)
	return err == nil && after.State == schedules.Recalled && before.Value.State != schedules.Recalled
}

// Withdraw ends a change that waits, without making it. Anybody who may confirm or ask may also withdraw. It fails with
// Forbidden for an actor who may do neither, and for whose access the change would end.
func (s *Confirmations) Withdraw(ctx context.Context, a Actor, id string) (wire.Waiting, error) {
	row, err := s.get(id)
	if err != nil {
		return wire.Waiting{}, err
	}
	if !a.Is(s.replica, row.Value.ByID, row.Value.By) {
		if err := decides(a, row.Value); err != nil {
			return wire.Waiting{}, err
		}
		ended, err := s.endedBy(ctx, row.Value)
		if err != nil {
			return wire.Waiting{}, err
		}
		for _, whose := range ended {
			if a.IsOrMade(s.replica, whose.Person, nameOf(s.replica, whose), row.Value.At) {
				return wire.Waiting{}, fault.New(fault.Forbidden, "%s asked for this change, which would end access of yours, or "+
					"of whom you are one with: another person withdraws it", row.Value.By)
			}
		}
	}
	return shown(id, row.Value), s.end(ctx, a, id, row.Revision, "change.withdraw")
}

func (s *Confirmations) end(ctx context.Context, a Actor, id string, revision int64, action string) error {
	return s.replica.CommitConfirmed(ctx, store.Commit{Origin: a.Origin(s.now(), action, ""),
		Writes: []store.Write{{Kind: KindWaiting, ID: id, Expect: revision, Delete: true}}})
}

// Sweep removes the changes that waited too long, and ends of others' access that count no more.
func (s *Confirmations) Sweep(ctx context.Context) error {
	if err := s.forgetEnds(ctx); err != nil {
		return err
	}
	for id, row := range waitingIn(s.replica).After("", "") {
		if row.Value.ExpiresAt.Before(s.now()) {
			if err := s.end(ctx, System, id, row.Revision, "change.expire"); err != nil {
				return err
			}
		}
	}
	return nil
}
