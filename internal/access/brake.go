package access

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Handful is how many acts of a sort one person does within Braking before another person must confirm more: recalls,
// edits and rejections of approved segments in coming queues, and ends of others' access.
const Handful = 5

// Braking is the time within which the acts of one person count.
const Braking = 10 * time.Minute

const (
	KindEnds    = "access-ends" // the acts by which persons ended or limited access of others in the last day
	KindMassAct = "mass-act"    // an alarm: one person did a handful of such acts, or of recalls, in a short time
)

// endsID is the id of the only document of KindEnds. Every such act writes it, so that no two slip past a bound
// together.
const endsID = "ends"

// endsKept is how long these acts are kept, and how long a handful of them is an alarm.
const endsKept = 24 * time.Hour

// ends is the stored form of these acts, the oldest first.
type ends struct {
	Acts []endOf `json:"acts"`
}

// endOf is an act by which somebody ended or limited access of others.
type endOf struct {
	By AccessMaker       `json:"by"`
	At schedules.Instant `json:"at"`
	Of string            `json:"of"` // such as "person hana"; it names persons by their ids alone
}

// massAct is the alarm that one person did a handful of acts in a short time, or recalled as many segments at once.
type massAct struct {
	By   string            `json:"by"`
	ByID string            `json:"by_id,omitempty"`
	At   schedules.Instant `json:"at"`
	Acts int               `json:"acts"`
}

func endsIn(m *replica.Replica) *replica.Cache[ends] {
	return replica.CacheOf[*replica.Cache[ends]](m, KindEnds)
}

// MassAct returns the write of an alarm: a did so many acts in a short time.
func MassAct(a Actor, now time.Time, acts int) (store.Write, error) {
	body, err := replica.Encode(massAct{By: a.Name, ByID: a.Person, At: schedules.At(now), Acts: acts})
	return store.Write{Kind: KindMassAct, ID: replica.NewID(), Body: body}, err
}

// EndsOther returns the writes that belong to a commit by which an actor ends or limits access of somebody else, of
// such as "person hana": the count, by which Guard lets more than a handful wait for another person, and an alarm with
// the act that makes it a handful, and with each further handful of a day. whose is the person or name whose access it
// is; none: a station's. It returns none for who works on the service's machine, nor against who did a handful of such
// acts in the last day: the brake must not protect a thief.
func EndsOther(ctx context.Context, m *replica.Replica, by Actor, of string, whose AccessMaker, now time.Time) (
	[]store.Write, error) {
	if by.Here() {
		return nil, nil
	}
	var all ends
	d, err := m.Store.Get(ctx, KindEnds, endsID)
	if err == nil {
		all, err = replica.Decode[ends](d)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	all = all.kept(now)
	if all.did(whose) >= Handful {
		return nil, nil
	}
	all.Acts = append(all.Acts, endOf{By: by.maker(), At: schedules.At(now), Of: of})
	body, err := replica.Encode(all)
	if err != nil {
		return nil, err
	}
	writes := []store.Write{{Kind: KindEnds, ID: endsID, Expect: d.Revision, Body: body}}
	lately, today := len(all.by(m, by, now.Add(-Braking))), len(all.by(m, by, now.Add(-endsKept)))
	if lately > Handful || lately < Handful && today%Handful != 0 {
		return writes, nil
	}
	alarm, err := MassAct(by, now, max(lately, Handful))
	return append(writes, alarm), err
}

// kept returns the acts that are not too old to count.
func (e ends) kept(now time.Time) ends {
	return ends{slices.DeleteFunc(slices.Clone(e.Acts), func(act endOf) bool { return now.Sub(act.At.Time) > endsKept })}
}

// did returns how many of the acts were done as a known person, or by the holder of a name that is nobody's.
func (e ends) did(who AccessMaker) (acts int) {
	for _, act := range e.Acts {
		if act.By == who && !who.unknown() {
			acts++
		}
	}
	return acts
}

// KindSession is where a person is signed in, of package signin: ID.
const KindSession = "session"

// endedBy returns whose rights, tokens or sessions a change that waits would end.
func (s *Confirmations) endedBy(ctx context.Context, w waiting) (whose []AccessMaker, err error) {
	for _, one := range w.Writes {
		switch one.Kind {
		case replica.KindPerson:
			before, _ := replica.PersonsIn(s.replica).Get(one.ID)
			after, err := replica.ParsePart[replica.Person](one.Body)
			if err == nil && lessAccess(before.Value.Person, after) {
				whose = append(whose, AccessMaker{Person: one.ID})
			}
		case KindToken:
			if t, known := tokensIn(s.replica).Get(one.ID); known && one.Delete && t.Value.Role != StationJob {
				whose = append(whose, makerOf(t.Value.Person, t.Value.Name))
			}
		case KindSession:
			d, err := s.replica.Store.Get(ctx, KindSession, one.ID)
			if fault.Is(err, fault.NotFound) {
				continue // it has ended
			}
			if err != nil {
				return nil, err
			}
			of, err := replica.ParsePart[AccessMaker](d.Body)
			if err != nil {
				return nil, err
			}
			whose = append(whose, of)
		}
	}
	return whose, nil
}

// braked fails with Forbidden if an actor ended or limited access of others a handful of times in a short time. It is
// for an act whose answer nobody would get if it waited for another person.
func braked(m *replica.Replica, by Actor, what string, now time.Time) error {
	row, _ := endsIn(m).Get(endsID)
	acts := row.Value.by(m, by, now.Add(-Braking))
	if len(acts) < Handful || by.Here() {
		return nil
	}
	return fault.New(fault.Forbidden, "%s ended or limited access of others %d times since %s: make %s after %s, or let "+
		"another administrator make it", by.Name, len(acts), acts[0].At, what, schedules.At(acts[0].At.Add(Braking)))
}

// by returns the acts since an instant behind which one person may be with a.
func (e ends) by(m *replica.Replica, a Actor, since time.Time) (out []endOf) {
	for _, act := range e.Acts {
		if !act.At.Before(since) && a.IsOrMade(m, act.By.Person, nameOf(m, act.By), act.At) {
			out = append(out, act)
		}
	}
	return out
}

// manyEnds returns that the author of a commit ends more of others' access than a handful in a short time.
func (s *Confirmations) manyEnds(c store.Commit) string {
	at := slices.IndexFunc(c.Writes, func(w store.Write) bool { return w.Kind == KindEnds })
	if at < 0 || c.By == store.System {
		return ""
	}
	all, err := replica.ParsePart[ends](c.Writes[at].Body)
	if err != nil {
		return ""
	}
	acts := all.by(s.replica, Actor{Name: c.By, Person: c.Person, Token: c.Token}, s.now().Add(-Braking))
	if len(acts) <= Handful {
		return ""
	}
	last := len(acts) - 1
	return fmt.Sprintf("%s ended or limited access of others %d times since %s, so that of %s needs two persons", c.By,
		last, acts[0].At, acts[last].Of)
}

// MassEnds returns an alarm for each person who did a handful of these acts, or more, in the last day.
func MassEnds(m *replica.Replica, now time.Time) (out []wire.Alarm) {
	row, _ := endsIn(m).Get(endsID)
	all, seen := row.Value.kept(now), map[AccessMaker]bool{}
	for _, first := range all.Acts {
		if seen[first.By] {
			continue
		}
		seen[first.By] = true
		name := nameOf(m, first.By)
		acts := all.by(m, Actor{Name: name, Person: first.By.Person}, now.Add(-endsKept))
		if len(acts) < Handful {
			continue
		}
		out = append(out, wire.Alarm{Code: wire.AlarmMassEnds, Subject: name, Since: acts[0].At,
			Message: fmt.Sprintf("%s ended or limited access of others %d times since %s, the last of %s. If that is wrong, "+
				"another administrator ends the access of %[1]s (lifeline people end), looks at what was done (lifeline audit "+
				"--by %[1]q), and gives it back: lifeline people set PERSON --active, lifeline token create, lifeline station "+
				"enrol. This stands here for a day", name, len(acts), acts[0].At, acts[len(acts)-1].Of)})
	}
	return out
}

// forgetEnds removes the acts that are too old to count.
func (s *Confirmations) forgetEnds(ctx context.Context) error {
	row, _ := endsIn(s.replica).Get(endsID)
	kept := row.Value.kept(s.now())
	if len(kept.Acts) == len(row.Value.Acts) {
		return nil
	}
	body, err := replica.Encode(kept)
	if err != nil {
		return err
	}
	return s.replica.CommitConfirmed(ctx, store.Commit{Origin: System.Origin(s.now(), "access-ends.expire", ""),
		Writes: []store.Write{{Kind: KindEnds, ID: endsID, Expect: row.Revision, Body: body}}})
}

// lessAccess reports whether a change of a person ends or limits what the person may do: it ends the person, or takes a
// role, a language, a station, an identity, or what is sensitive.
func lessAccess(before, after replica.Person) bool {
	lost := func(was, is []string) bool {
		return slices.ContainsFunc(was, func(one string) bool { return !slices.Contains(is, one) })
	}
	narrower := func(was, is []string) bool { return len(is) > 0 && (len(was) == 0 || lost(was, is)) } // none: every one
	return before.EndedAt.IsZero() && (!after.EndedAt.IsZero() || lost(before.Roles, after.Roles) ||
		narrower(before.Languages, after.Languages) || narrower(before.Stations, after.Stations) ||
		before.Sensitive && !after.Sensitive ||
		slices.ContainsFunc(before.Identities, func(i replica.Identity) bool {
			return !slices.Contains(after.Identities, i)
		}))
}
