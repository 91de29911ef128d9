package network

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// removal is what is removed from the definitions.
type removal struct {
	*Definitions
	gone wire.Removals
}

// remove adds the writes that remove definitions. Check has found that nothing uses them.
func (s removal) remove(act *applying) {
	r := s.gone
	removeAll(act, s.now(), s.stationPart(), r.Stations)
	removeAll(act, s.now(), s.clockPart(), r.Clocks)
	removeAll(act, s.now(), s.scriptPart(), r.Scripts)
	removeAll(act, s.now(), s.campaignPart(), r.Campaigns)
	for _, id := range r.Stations {
		act.drop(replica.KindStandingOrder, id, replica.OrderSettersIn(s.replica).Revision(id))
		act.drop(replica.KindStandingAccount, id, replica.StandingAccountsIn(s.replica).Revision(id))
	}
}

// drop adds the write that deletes a document, if there is one.
func (act *applying) drop(kind, id string, revision int64) {
	if revision > 0 {
		act.writes = append(act.writes, store.Write{Kind: kind, ID: id, Expect: revision, Delete: true})
	}
}

func removeAll[T any](act *applying, now time.Time, p part[T], ids []string) {
	for _, id := range ids {
		row, _ := p.rows.Get(id)
		if act.err != nil || act.check(row.Revision) != nil {
			return
		}
		change := wire.AppliedChange{Kind: p.kind, ID: id, Action: "remove", Revision: row.Revision + 1}
		var kept []byte
		if change.Before, act.err = replica.Encode(row.Value); act.err == nil {
			kept, act.err = replica.Encode(replica.RemovedDefinition{Revision: change.Revision, At: schedules.At(now)})
		}
		act.out.Changes = append(act.out.Changes, change)
		act.drop(p.kind, id, row.Revision)
		gone := replica.RemovedID(p.kind, id)
		act.writes = append(act.writes, store.Write{Kind: replica.KindRemoved, ID: gone, Expect: act.gone.Revision(gone),
			Body: kept})
	}
}

// check notes a failure unless a document has the revision that was given.
func (act *applying) check(revision int64) error {
	act.err = replica.CheckRevision(act.given, revision)
	return act.err
}

// stillUsed returns the problems of what is to be removed: what is not known, and what something in the network with n
// uses, or in the record is still to come.
func (s removal) stillUsed(n wire.Apply) (out []schedules.Problem) {
	gone, after := s.gone, s.network(n, nil)
	out = append(out, unknown(s.stationPart(), gone.Stations, n.Stations)...)
	out = append(out, unknown(s.clockPart(), gone.Clocks, n.Clocks)...)
	out = append(out, unknown(s.scriptPart(), gone.Scripts, n.Scripts)...)
	out = append(out, unknown(s.campaignPart(), gone.Campaigns, n.Campaigns)...)
	add := func(list string, i int, uses []string) {
		if len(uses) > 0 {
			out = append(out, schedules.Problem{Field: fmt.Sprintf("remove.%s[%d]", list, i),
				Message: "is still used by " + few(uses)})
		}
	}
	for i, id := range gone.Clocks {
		add("clocks", i, places(after.ClockUses(id)))
	}
	for i, id := range gone.Scripts {
		uses := places(after.ScriptUses(id))
		for _, v := range s.StationProblems.planning.Library().Entries() {
			if v.Script != nil && v.Script.ID == id {
				uses = append(uses, "segment "+v.ID)
			}
		}
		add("scripts", i, uses)
	}
	for i, id := range gone.Stations {
		add("stations", i, s.usesOfStation(id, after))
	}
	return out
}

// usesOfStation returns what keeps a station from being removed: its tokens, its coming published days, and campaigns
// that name it.
func (s removal) usesOfStation(id string, after schedules.Network) (uses []string) {
	for day, row := range replica.QueuesIn(s.replica).After(id+"/", "") {
		if q := row.Value.Value; q.ExpiresAt.After(s.now()) && !q.Withdrawn {
			_, date, _ := strings.Cut(day, "/")
			uses = append(uses, "the published day "+date+" (withdraw it, or wait until it is over)")
		}
	}
	for _, token := range access.TokensOfStation(s.replica, id) {
		uses = append(uses, "token "+token+" (revoke it)")
	}
	for _, c := range after.Campaigns {
		if slices.Contains(c.Stations, id) {
			uses = append(uses, "campaign "+c.ID)
		}
	}
	return uses
}

// unknown returns the problems of ids that are not known, are there twice, or are in the document too.
func unknown[T any](p part[T], ids []string, list []T) (out []schedules.Problem) {
	for i, id := range ids {
		message := ""
		_, known := p.rows.Get(id)
		switch {
		case slices.Contains(ids[:i], id):
			message = fmt.Sprintf("has %q twice", id)
		case slices.ContainsFunc(list, func(v T) bool { return p.id(v) == id }):
			message = fmt.Sprintf("has %q, which the document defines", id)
		case !known:
			message = fmt.Sprintf("has %q, which is not known%s", id, p.others())
		default:
			continue
		}
		out = append(out, schedules.Problem{Field: fmt.Sprintf("remove.%s[%d]", p.list, i), Message: message})
	}
	return out
}

func places(uses []schedules.Reference) (out []string) {
	for _, u := range uses {
		out = append(out, u.String())
	}
	return out
}

// few lists the first of many uses, and counts the others.
func few(uses []string) string {
	const told = 5
	if len(uses) <= told {
		return strings.Join(uses, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(uses[:told], ", "), len(uses)-told)
}
