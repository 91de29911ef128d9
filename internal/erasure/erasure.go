package erasure

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/library"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/search"
	"lifeline/internal/store"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Audio is what erasures need of the audio store.
type Audio interface {
	replica.Audio
	// Erase removes a blob with all versions, if it is there.
	Erase(ctx context.Context, sha256 string) error
}

// Erasures erases segments, former recordings and persons.
type Erasures struct {
	replica *replica.Replica
	records *record.Records
	links   *record.Links
	audio   Audio
	signer  replica.Signer
	members *access.Members
	now     func() time.Time

	mu      sync.Mutex
	waiting map[string]wait // by id
}

// New returns Erasures of what r and records hold. They sign with signer.
func New(r *replica.Replica, records *record.Records, links *record.Links, audio Audio, signer replica.Signer,
	now func() time.Time) *Erasures {
	return &Erasures{replica: r, records: records, links: links, audio: audio, signer: signer,
		members: access.NewMembers(r, now), now: now, waiting: map[string]wait{}}
}

// mostSegments bounds the segments of an erasure, which change in one commit.
const mostSegments = 500

// Ask stores the request to erase what in names, with all that goes. Nothing goes before another person has confirmed
// it. It fails with NotFound, with Invalid, and with Conflict if something is erased already, if a segment that stays
// has a recording that would go, or if a person who works with the service has not ended.
func (s *Erasures) Ask(ctx context.Context, a access.Actor, in wire.ErasureRequest) (wire.Erasure, error) {
	if err := replica.NeedReason(in.Reason); err != nil {
		return wire.Erasure{}, err
	}
	if len(in.Names) > mostNames {
		return wire.Erasure{}, fault.Fields(fault.Field{Field: "names", Message: fmt.Sprintf("has more than %d entries",
			mostNames)})
	}
	e, err := s.request(in)
	if err == nil {
		err = s.inScope(a, e)
	}
	if err != nil {
		return wire.Erasure{}, err
	}
	e.ID, e.State, e.Reason = replica.NewID(), replica.ErasureAsked, in.Reason
	e.AskedBy, e.AskedByID, e.AskedAt = a.Name, a.Person, schedules.At(s.now())
	e.Left = s.places(ctx, e)
	body, err := replica.Encode(e)
	if err != nil {
		return wire.Erasure{}, err
	}
	err = s.replica.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: replica.KindErasure, ID: e.ID, Body: body}},
		Origin: a.Origin(s.now(), "erasure.ask", in.Reason)})
	if err != nil {
		return wire.Erasure{}, err
	}
	return s.counted(ctx, shown(e, 1))
}

// request returns the erasure of what in names.
func (s *Erasures) request(in wire.ErasureRequest) (e replica.ErasureDoc, err error) {
	ids := slices.Clone(in.Segments)
	if in.Person != "" {
		e.Person, err = text.Label(in.Person)
		if err == nil {
			err = s.mayGo(e.Person)
		}
		if err != nil {
			return e, fault.Fields(fault.Field{Field: "person", Message: err.Error()})
		}
		rows, err := s.replica.Naming(e.Person)
		if err != nil {
			return e, err
		}
		for _, row := range rows {
			if slices.Contains(row.Value.Persons, e.Person) { // of those that named the person before, the name goes
				ids = append(ids, row.Value.ID)
			}
		}
		e.Texts = append(e.Texts, e.Person)
	}
	if err := s.further(&e, in.Names); err != nil {
		return e, err
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) > mostSegments {
		return e, fault.New(fault.TooLarge, "this would erase %d segments, and one erasure has at most %d: name segments "+
			"first, in several", len(ids), mostSegments)
	}
	for _, id := range ids {
		if err := s.segment(&e, id); err != nil {
			return e, err
		}
	}
	for _, sha := range in.Recordings {
		if err := s.former(&e, sha); err != nil {
			return e, err
		}
	}
	if err := s.member(&e, in.Member); err != nil {
		return e, err
	}
	if len(e.Segments)+len(e.Recordings) == 0 && e.Member == "" && e.Person == "" {
		return e, fault.New(fault.Invalid, "the request names nothing: give segments, recordings, person or member")
	}
	s.uploads(&e)
	return e, s.shared(e)
}

// mostNames bounds the further names of a request.
const mostNames = 20

// further adds names that are to go from all texts.
func (s *Erasures) further(e *replica.ErasureDoc, all []string) error {
	for i, name := range all {
		line, err := text.Line(name)
		if err == nil {
			err = s.mayGo(line)
		}
		if err != nil {
			return fault.Fields(fault.Field{Field: fmt.Sprintf("names[%d]", i), Message: err.Error()})
		}
		addText(e, line)
	}
	return nil
}

func addText(e *replica.ErasureDoc, t string) {
	if !slices.Contains(e.Texts, t) {
		e.Texts = append(e.Texts, t)
	}
}

// mayGo fails if a text is too short or too long to be searched for, or names a person who works with the service.
func (s *Erasures) mayGo(name string) error {
	if n := utf8.RuneCountInString(name); n < 2 || n > schedules.MaxLine {
		return fmt.Errorf("must have 2 to %d characters", schedules.MaxLine)
	}
	if s.replica.Active(name) {
		return fmt.Errorf("%q is the id or the name of a person who works with the service: name the segments instead, or "+
			"end this person first (lifeline people end) and give member", name)
	}
	return nil
}

// segment adds a segment with its recordings to e.
func (s *Erasures) segment(e *replica.ErasureDoc, id string) error {
	row, ok := replica.SegmentsIn(s.replica).Get(id)
	if !ok {
		return fault.New(fault.NotFound, "there is no segment %q", id)
	}
	if done, erased := replica.ErasureOf(s.replica, id); erased {
		return fault.New(fault.Conflict, "segment %q was erased already (erasure %s)", id, done.ID)
	}
	v := row.Value
	e.Segments = append(e.Segments, replica.ErasureSegment{ID: id, Kind: v.Kind, Language: v.Language})
	if v.Recording != nil {
		e.Recordings = append(e.Recordings, replica.ErasureRecording{SHA256: v.Recording.SHA256, Bytes: v.Recording.Bytes,
			Segment: id})
	}
	for _, sha := range v.Previous {
		e.Recordings = append(e.Recordings, replica.ErasureRecording{SHA256: sha, Segment: id})
	}
	if s.own(v.Title) {
		addText(e, v.Title)
	}
	return nil
}

// shortestText is the shortest title, in characters, that is searched for in other texts: a shorter one is a word.
const shortestText = 6

// own reports whether a title is searched for in all texts: it is that of one segment. Others are removed where they
// stand for their segment.
func (s *Erasures) own(title string) bool {
	if utf8.RuneCountInString(title) < shortestText || s.replica.Active(title) {
		return false
	}
	same := 0
	for _, other := range replica.SegmentsIn(s.replica).All() {
		if other.Title == title {
			same++
		}
	}
	return same == 1
}

// former adds a replaced recording to e.
func (s *Erasures) former(e *replica.ErasureDoc, sha string) error {
	find := func(term search.Term) []*replica.Row[schedules.Segment] {
		return replica.SegmentsIn(s.replica).Find(search.Query{Terms: []search.Term{term}}, 1, nil)
	}
	if slices.ContainsFunc(e.Recordings, func(r replica.ErasureRecording) bool { return r.SHA256 == sha }) {
		return nil
	}
	if now := find(search.Term{Field: replica.ByRecording, Value: sha}); len(now) > 0 {
		return fault.New(fault.Conflict, "%s is the present recording of segment %q: erase the segment, or replace the "+
			"recording first", sha, now[0].Value.ID)
	}
	was := find(search.Term{Field: replica.ByPrevious, Value: sha})
	if len(was) == 0 {
		return fault.New(fault.NotFound, "%q is no former recording of a segment: lifeline segments shows their hashes", sha)
	}
	e.Recordings = append(e.Recordings, replica.ErasureRecording{SHA256: sha, Segment: was[0].Value.ID})
	return nil
}

// member adds a person who worked with the service to e.
func (s *Erasures) member(e *replica.ErasureDoc, id string) error {
	if id == "" {
		return nil
	}
	if len(e.Segments) > 0 || len(e.Recordings) > 0 {
		return fault.New(fault.Invalid, "member is erased alone: ask for segments, recordings or a person in another request")
	}
	row, ok := replica.PersonsIn(s.replica).Get(id)
	switch {
	case !ok:
		return fault.New(fault.NotFound, "there is no person %q who works with the service", id)
	case row.Value.EndedAt.IsZero():
		return fault.New(fault.Conflict, "%s is active: end this person first (lifeline people end %s)", row.Value.Name, id)
	case row.Value.Name == memberName(id):
		return fault.New(fault.Conflict, "person %q was erased already", id)
	}
	e.Member, e.Texts = id, append([]string{row.Value.Name}, row.Value.Others...) // all names, whatever was asked for
	for _, identity := range row.Value.Identities {
		if len(identity.Subject) >= shortestText {
			addText(e, identity.Subject)
		}
	}
	return nil
}

// uploads adds the unfinished uploads to segments of e, and those that name its person.
func (s *Erasures) uploads(e *replica.ErasureDoc) {
	c := newCleaner(s.replica, *e)
	e.Uploads = library.UploadsOf(s.replica, func(v schedules.Segment) bool {
		return c.segments[v.ID] || e.Person != "" && slices.Contains(v.Persons, e.Person)
	})
}

// shared fails with Conflict if a segment that stays has one of the recordings.
func (s *Erasures) shared(e replica.ErasureDoc) error {
	c := newCleaner(s.replica, e)
	for _, r := range e.Recordings {
		if id := stays(s.replica, c, r.SHA256, r.Segment); id != "" {
			return fault.New(fault.Conflict, "segment %q has the recording %s too: erase both, or replace its recording first",
				id, r.SHA256)
		}
	}
	return nil
}

// stays returns a segment that is not erased and has a recording, now or formerly; "": none has. That segment former
// had it earlier does not count.
func stays(m *replica.Replica, c cleaner, sha, former string) string {
	for _, f := range []search.Field{replica.ByRecording, replica.ByPrevious} {
		found := replica.SegmentsIn(m).Find(search.Query{Terms: []search.Term{{Field: f, Value: sha}}}, 1,
			func(v schedules.Segment) bool {
				_, gone := replica.ErasureOf(m, v.ID)
				return !gone && !c.segments[v.ID] && (f == replica.ByRecording || v.ID != former)
			})
		if len(found) > 0 {
			return found[0].Value.ID
		}
	}
	return ""
}

// Confirm confirms a request at a revision (nil: the latest): its segments and recordings are recalled at once, and go.
// It fails with NotFound, with Forbidden for whoever asked, with Stale, and with Conflict if what it would erase has
// changed since it was asked for.
func (s *Erasures) Confirm(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (
	wire.Erasure, error) {
	if err := replica.NeedReason(reason); err != nil {
		return wire.Erasure{}, err
	}
	return s.decide(ctx, a, id, revision, "erasure.confirm", reason, func(e *replica.ErasureDoc) ([]store.Write,
		error) {
		if who, why := a.OneWith(s.replica, e.AskedByID, e.AskedBy, e.AskedAt); who != "" {
			return nil, fault.New(fault.Forbidden, "%s asked for this erasure: another person must confirm it%s", who, why)
		}
		if err := a.OnlyPersons("this erasure"); err != nil {
			return nil, err
		}
		now, err := s.request(s.requestOf(*e))
		if err == nil {
			err = s.inScope(a, now)
		}
		if err != nil {
			return nil, err
		}
		if !reflect.DeepEqual(now.Segments, e.Segments) || !reflect.DeepEqual(now.Recordings, e.Recordings) ||
			!slices.Equal(now.Texts, e.Texts) {
			return nil, fault.New(fault.Conflict, "what this would erase has changed since it was asked for: ask again")
		}
		e.Uploads, e.State = now.Uploads, replica.ErasureConfirmed
		return s.tombstones(*e)
	})
}

// inScope fails with Forbidden if a segment of e is out of the scope of a.
func (s *Erasures) inScope(a access.Actor, e replica.ErasureDoc) error {
	for _, v := range e.Segments {
		row, _ := replica.SegmentsIn(s.replica).Get(v.ID)
		body, err := replica.Encode(row.Value)
		if err == nil {
			err = s.replica.Scope(a.Person, store.Write{Kind: replica.KindSegment, ID: v.ID, Body: body})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// requestOf returns the request for what was shown as e, with all its texts.
func (s *Erasures) requestOf(e replica.ErasureDoc) wire.ErasureRequest {
	in := wire.ErasureRequest{Person: e.Person, Member: e.Member}
	c := newCleaner(s.replica, e)
	if e.Member == "" {
		in.Names = slices.DeleteFunc(slices.Clone(e.Texts), func(t string) bool { return t == e.Person })
	}
	for _, v := range e.Segments {
		in.Segments = append(in.Segments, v.ID)
	}
	for _, r := range e.Recordings {
		if !c.segments[r.Segment] {
			in.Recordings = append(in.Recordings, r.SHA256)
		}
	}
	return in
}

// Drop ends a request that nobody has confirmed.
func (s *Erasures) Drop(ctx context.Context, a access.Actor, id string, revision *int64, reason string) (wire.Erasure,
	error) {
	return s.decide(ctx, a, id, revision, "erasure.drop", reason, func(e *replica.ErasureDoc) ([]store.Write, error) {
		e.State, e.Left = replica.ErasureDropped, nil
		forget(e)
		return nil, nil
	})
}

// forget removes from e what it searched for.
func forget(e *replica.ErasureDoc) { e.Texts, e.Person = nil, "" }

func (s *Erasures) decide(ctx context.Context, a access.Actor, id string, revision *int64, action, reason string,
	f func(*replica.ErasureDoc) ([]store.Write, error)) (out wire.Erasure, err error) {
	err = s.replica.Retry(ctx, func() error {
		row, ok := replica.ErasuresIn(s.replica).Get(id)
		if !ok {
			return noErasure(id)
		}
		if err := replica.CheckRevision(revision, row.Revision); err != nil {
			return err
		}
		e := row.Value
		if e.State != replica.ErasureAsked {
			return fault.New(fault.Conflict, "erasure %s is %s, and no longer waits for a decision", id, e.State)
		}
		writes, err := f(&e)
		if err != nil {
			return err
		}
		e.DecidedBy, e.DecidedByID, e.DecidedAt = a.Name, a.Person, schedules.At(s.now())
		body, err := replica.Encode(e)
		if err != nil {
			return err
		}
		out = shown(e, row.Revision+1)
		return s.replica.Commit(ctx, store.Commit{Writes: append(writes, store.Write{Kind: replica.KindErasure, ID: id,
			Expect: row.Revision, Body: body}), Origin: a.Origin(s.now(), action, cmp.Or(reason, id))})
	})
	return out, err
}

func noErasure(id string) error { return fault.New(fault.NotFound, "there is no erasure %q", id) }

// tombstones returns the writes that leave of each segment what the record needs, and the recall list with all of them.
// They write a member of e as it is.
func (s *Erasures) tombstones(e replica.ErasureDoc) (writes []store.Write, err error) {
	var gone []schedules.Segment
	if row, ok := replica.PersonsIn(s.replica).Get(e.Member); ok { // who activates the person meanwhile comes too late
		body, err := replica.Encode(row.Value.Person)
		if err != nil {
			return nil, err
		}
		writes = append(writes, store.Write{Kind: replica.KindPerson, ID: e.Member, Expect: row.Revision, Body: body})
	}
	for _, v := range e.Segments {
		row, ok := replica.SegmentsIn(s.replica).Get(v.ID)
		if !ok {
			return nil, fmt.Errorf("erasure: segment %q is gone", v.ID)
		}
		t := tombstone(row.Value)
		t.Revision = row.Revision + 1
		body, err := replica.Encode(t)
		if err != nil {
			return nil, err
		}
		writes = append(writes, store.Write{Kind: replica.KindSegment, ID: v.ID, Expect: row.Revision, Body: body})
		gone = append(gone, t)
	}
	if len(e.Recordings) == 0 {
		return writes, nil
	}
	list, err := library.SignErased(s.replica, s.signer, s.replica.Floor(), s.now(), e.Hashes(), gone...)
	return append(writes, list), err
}

// tombstone returns what stays of a segment: its id, the hashes of its recordings, and how long they were.
func tombstone(v schedules.Segment) schedules.Segment {
	t := schedules.Segment{ID: v.ID, Kind: v.Kind, Title: Erased, Language: v.Language, State: schedules.Recalled,
		Previous: v.Previous}
	if r := v.Recording; r != nil {
		t.Recording = &schedules.Recording{SHA256: r.SHA256, Bytes: r.Bytes, ContentType: r.ContentType,
			AnalysisVersion: r.AnalysisVersion, Duration: r.Duration, SampleRate: r.SampleRate, Channels: r.Channels,
			CueIn: r.CueIn, CueOut: r.CueOut}
	} else {
		t.State, t.Rejection = schedules.Rejected, &schedules.Rejection{Code: "erased", Message: Erased}
	}
	return t
}

// Get returns an erasure. It fails with NotFound.
func (s *Erasures) Get(id string) (wire.Erasure, error) {
	row, ok := replica.ErasuresIn(s.replica).Get(id)
	if !ok {
		return wire.Erasure{}, noErasure(id)
	}
	return shown(row.Value, row.Revision), nil
}

// Show is Get, with the number of documents that have each text while it waits for a decision.
func (s *Erasures) Show(ctx context.Context, id string) (wire.Erasure, error) {
	e, err := s.Get(id)
	if err != nil {
		return e, err
	}
	return s.counted(ctx, e)
}

// List returns all erasures, the newest first.
func (s *Erasures) List() []wire.Erasure {
	out := []wire.Erasure{}
	for _, row := range replica.ErasuresIn(s.replica).After("", "") {
		out = append(out, shown(row.Value, row.Revision))
	}
	slices.SortStableFunc(out, func(a, b wire.Erasure) int { return b.AskedAt.Compare(a.AskedAt.Time) })
	return out
}

func shown(e replica.ErasureDoc, revision int64) wire.Erasure {
	out := wire.Erasure{ID: e.ID, Revision: revision, State: e.State, Reason: e.Reason, Segments: []wire.ErasedSegment{},
		Recordings: []wire.ErasedRecording{}, Member: e.Member, Person: e.Person, Uploads: len(e.Uploads),
		AskedBy: e.AskedBy, AskedAt: e.AskedAt, DecidedBy: e.DecidedBy, DecidedAt: e.DecidedAt, DoneAt: e.DoneAt,
		Left: append([]string{}, e.Left...), Outside: outside}
	if e.State == replica.ErasureAsked {
		for _, t := range e.Texts {
			out.Names = append(out.Names, wire.ErasedName{Name: t})
		}
	}
	for _, v := range e.Segments {
		out.Segments = append(out.Segments, wire.ErasedSegment(v))
	}
	for _, r := range e.Recordings {
		out.Recordings = append(out.Recordings, wire.ErasedRecording(r))
	}
	return out
}

// outside are the places that the service does not reach.
var outside = []string{
	"backups made before it: make another one, then remove the older files of --own-keys, and backups without such keys",
	"mirrors, until the next lifeline mirror push",
	"stations that have not fetched the recall list since, or run older players: they keep the recording, and play it " +
		"no more",
	"answers to repeated requests, encrypted with their senders' secrets, for a day",
	"logs of the service, of proxies and of the system, bundles and files that somebody saved",
}
