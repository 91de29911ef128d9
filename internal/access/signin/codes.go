package signin

import (
	"context"
	"crypto/hmac"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/onetime"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

const (
	codeLife     = 24 * time.Hour // the person comes by in that time
	recoveryLife = 24 * time.Hour // between the two approvals
)

// recoverers is how many other persons must approve that a person gets a new code.
const recoverers = 2

// errCode is the one answer to every code that is not valid, whatever is wrong with it.
var errCode = fault.New(fault.Forbidden, "this code is not valid: it is mistyped, expired, used or replaced, or was "+
	"tried too often. Ask an administrator for another")

// NewCode makes a one-time code by which a person enrols, which replaces an earlier one. It fails with Conflict for who
// was enrolled before: nobody takes over another alone. It fails with Forbidden for a person who is named for what is
// sensitive, unless the maker is named too.
func (s *SignIn) NewCode(ctx context.Context, by access.Actor, person string) (out wire.PersonCode, err error) {
	if err := s.Available(); err != nil {
		return out, err
	}
	err = s.replica.Retry(ctx, func() error {
		p, err := s.member(person)
		if err != nil {
			return err
		}
		if enrolled(s.replica, person) {
			return fault.New(fault.Conflict, "%s was enrolled before. Who has lost every passkey is recovered by two other "+
				"persons who are signed in: People, Recover, in the console", p.Name)
		}
		if p.Sensitive && !by.Sensitive && !by.Here() {
			return fault.New(fault.Forbidden, "%s is named for what is sensitive, so that only who is named too makes the first "+
				"code, or who runs the service, on its machine (lifeline people recover %s)", p.Name, p.ID)
		}
		c := personCode{Person: person, Makers: by.Makers(s.replica), Here: by.Here()}
		out, err = s.storeCode(ctx, by, c, "person.code", "for "+p.Name)
		return err
	})
	return out, err
}

// member returns an active person. It fails with NotFound, and with Conflict.
func (s *SignIn) member(id string) (replica.Person, error) {
	row, ok := replica.PersonsIn(s.replica).Get(id)
	p := row.Value.Person
	switch {
	case !ok:
		return p, fault.New(fault.NotFound, "there is no person %q who works with the service: lifeline people list has all",
			id)
	case !p.EndedAt.IsZero():
		return p, fault.New(fault.Conflict, "%s was ended on %s: activate the person first", p.Name, p.EndedAt)
	}
	return p, nil
}

// storeCode gives c a fresh code and stores it.
func (s *SignIn) storeCode(ctx context.Context, by access.Actor, c personCode, action, said string) (wire.PersonCode,
	error) {
	code := onetime.Fresh(func(handle string) bool { return s.codeOf(handle) != "" })
	now := s.now()
	c.Handle, c.Proof, c.Failed = code.Handle(), code.Proof(s.key), 0
	c.CreatedAt, c.ExpiresAt = schedules.At(now), schedules.At(now.Add(codeLife))
	notice, err := s.notice(by, c)
	if err == nil {
		err = s.commitCode(ctx, by, c, action, said+", valid until "+c.ExpiresAt.String(), notice...)
	}
	return wire.PersonCode{Person: c.Person, Code: code.String(), ExpiresAt: &c.ExpiresAt}, err
}

func (s *SignIn) commitCode(ctx context.Context, by access.Actor, c personCode, action, said string,
	writes ...store.Write) error {
	body, err := replica.Encode(c)
	if err != nil {
		return err
	}
	write := store.Write{Kind: KindCode, ID: c.Person, Body: body}
	if row, ok := codesIn(s.replica).Get(c.Person); ok { // its use deletes it
		write.Expect = row.Revision
	}
	return s.replica.Commit(ctx, store.Commit{Writes: append(writes, write), Origin: by.Origin(s.now(), action, said)})
}

// codeOf returns the person whose code has a handle; "": none.
func (s *SignIn) codeOf(handle string) string {
	for person, row := range codesIn(s.replica).After("", "") {
		if row.Value.Handle == handle {
			return person
		}
	}
	return ""
}

// redeem returns the stored form of a code that is valid, and its revision. It fails with Forbidden.
func (s *SignIn) redeem(ctx context.Context, typed string) (personCode, int64, error) {
	code := onetime.Read(typed)
	if code == "" {
		return personCode{}, 0, errCode
	}
	row, ok := codesIn(s.replica).Get(s.codeOf(code.Handle()))
	c := row.Value
	if !ok || len(c.Proof) == 0 || !s.now().Before(c.ExpiresAt.Time) || c.Failed >= onetime.Tries ||
		!c.Recovery && enrolled(s.replica, c.Person) || s.ofUnnamed(c) {
		return personCode{}, 0, errCode
	}
	if !hmac.Equal(code.Proof(s.key), c.Proof) {
		c.Failed++
		err := s.commitCode(ctx, access.System, c, "person.code-failed", fmt.Sprintf("wrong code %d of %d", c.Failed,
			onetime.Tries))
		if err != nil {
			return personCode{}, 0, err
		}
		return personCode{}, 0, errCode
	}
	return c, row.Revision, nil
}

// ofUnnamed reports whether a code is of a person who is named for what is sensitive, and of a maker who is not: it was
// made before the person was named. Nobody makes such a code afterwards (NewCode).
func (s *SignIn) ofUnnamed(c personCode) bool {
	row, _ := replica.PersonsIn(s.replica).Get(c.Person)
	return row.Value.Sensitive && !access.AllNamed(s.replica, c.makers())
}

// Recover approves, as a person who is signed in, that another gets a new code. The second person who approves within
// recoveryLife gets the code, to hand it over. It fails with Forbidden for who is no such person, and with Conflict for
// a person who was never enrolled, or has such a code that is valid: nobody makes it void by asking for another.
func (s *SignIn) Recover(ctx context.Context, by access.Actor, person string) (out wire.PersonCode, err error) {
	if err := s.Available(); err != nil {
		return out, err
	}
	if by.Session == "" || by.Person == "" {
		return out, fault.New(fault.Forbidden, "only persons who are signed in recover another, and confirm it by passkey: sign in")
	}
	err = s.replica.Retry(ctx, func() error {
		p, err := s.member(person)
		if err != nil {
			return err
		}
		if by.Is(s.replica, p.ID, p.Name) {
			return fault.New(fault.Forbidden, "nobody recovers themselves: ask two other persons")
		}
		if !enrolled(s.replica, person) {
			return fault.New(fault.Conflict, "%s was never enrolled: an administrator makes the first code", p.Name)
		}
		now := s.now()
		row, _ := codesIn(s.replica).Get(person)
		c := row.Value
		if c.Recovery && len(c.Proof) > 0 && now.Before(c.ExpiresAt.Time) && c.Failed < onetime.Tries {
			by := "made on the service's machine"
			if !c.Here {
				by = "by " + strings.Join(approvers(c), " and ")
			}
			return fault.New(fault.Conflict, "%s has a code already, %s, which is valid until %s: until then only one that "+
				"is made on the service's machine replaces it", p.Name, by, c.ExpiresAt)
		}
		if !c.Recovery || len(c.Proof) > 0 || !now.Before(c.ExpiresAt.Time) {
			c = personCode{Person: person, Recovery: true, CreatedAt: schedules.At(now),
				ExpiresAt: schedules.At(now.Add(recoveryLife))}
		}
		c.Approved = slices.DeleteFunc(slices.Clone(c.Approved), func(a approval) bool {
			_, err := s.active(a.Person)
			return err != nil || by.Is(s.replica, a.Person, a.Name)
		})
		for _, a := range c.Approved {
			if who, why := by.OneWith(s.replica, a.Person, a.Name, a.At); who != "" {
				return fault.New(fault.Forbidden, "%s approved this already: another person must approve it too%s", who, why)
			}
		}
		c.Approved = append(c.Approved, approval{by.Person, by.Name, schedules.At(now)})
		if len(c.Approved) < recoverers {
			out = wire.PersonCode{Person: person, Approved: approvers(c), ExpiresAt: &c.ExpiresAt}
			return s.commitCode(ctx, by, c, "person.recovery", "of "+p.Name+", which needs a second person")
		}
		names := approvers(c)
		out, err = s.storeCode(ctx, by, c, "person.recovery-code", "for "+p.Name+", by "+strings.Join(names, " and "))
		out.Approved = names
		return err
	})
	return out, err
}

// RecoverHere makes, for who has the store and the key of the service, a code by which a person enrols, in place of all
// passkeys that the person had. It is the way back where fewer than two others can approve, and the way to access that
// nobody else made. It fails with NotFound, and with Conflict for a person who was ended.
func (s *SignIn) RecoverHere(ctx context.Context, by access.Actor, person string) (out wire.PersonCode, err error) {
	if !by.Here() {
		return out, fault.New(fault.Forbidden, "only who has the service's store makes such a code")
	}
	err = s.replica.Retry(ctx, func() error {
		p, err := s.member(person)
		if err != nil {
			return err
		}
		c := personCode{Person: person, Recovery: enrolled(s.replica, person), Here: true}
		out, err = s.storeCode(ctx, by, c, "person.recovery-code", "for "+p.Name+", on the service's machine")
		return err
	})
	return out, err
}

// noticed is how long everybody is told of a recovery.
const noticed = 7 * 24 * time.Hour

// notice returns the write by which everybody is told of a code that replaces all passkeys of a person; none for other
// codes.
func (s *SignIn) notice(by access.Actor, c personCode) ([]store.Write, error) {
	if !c.Recovery {
		return nil, nil
	}
	row, _ := replica.PersonsIn(s.replica).Get(c.Person)
	n := recovery{Person: c.Person, Name: row.Value.Name, By: approvers(c), Here: c.Here, At: schedules.At(s.now())}
	if c.Here {
		n.By = []string{by.Name}
	}
	return n.write()
}

func (n recovery) write() ([]store.Write, error) {
	body, err := replica.Encode(n)
	return []store.Write{{Kind: KindRecovery, ID: replica.NewID(), Body: body}}, err
}

// NameHere names a person for what is sensitive, for who has the store and the key of the service. It is the way where
// no second person can confirm it; everybody is told. It fails with NotFound, and with Conflict for a person who was
// ended or is named already.
func (s *SignIn) NameHere(ctx context.Context, by access.Actor, person string) (wire.Member, error) {
	if !by.Here() {
		return wire.Member{}, fault.New(fault.Forbidden, "only who has the service's store names somebody alone")
	}
	p, err := s.member(person)
	if err != nil {
		return wire.Member{}, err
	}
	told, err := recovery{Person: p.ID, Name: p.Name, By: []string{by.Name}, Here: true, Named: true,
		At: schedules.At(s.now())}.write()
	if err != nil {
		return wire.Member{}, err
	}
	return access.NewMembers(s.replica, s.now).SetWith(ctx, by, person, nil, func(m *wire.Member) error {
		if m.Sensitive {
			return fault.New(fault.Conflict, "%s is named for what is sensitive already", m.Name)
		}
		m.Sensitive = true
		return nil
	}, func(wire.Member) []store.Write { return told })
}

// Alarms tells everybody of the recoveries of the last days, so that a person who asked for none hears of it, and of
// who was named for what is sensitive without a second person.
func (s *SignIn) Alarms() (out []wire.Alarm) {
	for _, row := range recoveriesIn(s.replica).After("", "") {
		n := row.Value
		if s.now().Sub(n.At.Time) >= noticed {
			continue
		}
		how := "by " + strings.Join(n.By, " and ")
		if n.Here {
			how = fmt.Sprintf("on the service's machine by %s", n.By[0])
		}
		code, said := wire.AlarmRecovery, fmt.Sprintf("%s got a code for new passkeys, which end the former ones; it was "+
			"made %s. If %s did not ask for it, end this person at once (lifeline people end %s)", n.Name, how, n.Name, n.Person)
		if n.Named {
			code, said = wire.AlarmNamed, fmt.Sprintf("%s was named for what is sensitive %s, without a second person. If that "+
				"is wrong, take it back at once (lifeline people set %s --not-sensitive)", n.Name, how, n.Person)
		}
		out = append(out, wire.Alarm{Code: code, Subject: n.Person, Since: n.At, Message: said})
	}
	return out
}

// forgetRecoveries removes notices of recoveries that everybody has been told of.
func (s *SignIn) forgetRecoveries(ctx context.Context) error {
	var writes []store.Write
	for id, row := range recoveriesIn(s.replica).After("", "") {
		if len(writes) < mostAtOnce && s.now().Sub(row.Value.At.Time) >= noticed {
			writes = append(writes, store.Write{Kind: KindRecovery, ID: id, Expect: row.Revision, Delete: true})
		}
	}
	return s.remove(ctx, "person.recovery-told", writes)
}

func approvers(c personCode) (names []string) {
	for _, a := range c.Approved {
		names = append(names, a.Name)
	}
	return names
}

// forgetCodes removes codes and recoveries that have expired.
func (s *SignIn) forgetCodes(ctx context.Context) error {
	var writes []store.Write
	for id, row := range codesIn(s.replica).After("", "") {
		if len(writes) < mostAtOnce && !s.now().Before(row.Value.ExpiresAt.Time) {
			writes = append(writes, store.Write{Kind: KindCode, ID: id, Expect: row.Revision, Delete: true})
		}
	}
	return s.remove(ctx, "person.code-expired", writes)
}
