package scheduling

import (
	"slices"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/hashchain"
	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// A publication that waits is numbered when it is made. What happens to other days of the station meanwhile does not
// matter to it; a change of its own day does.
func TestAPublicationThatWaitsIsMadeAlthoughOtherDaysWereChangedMeanwhile(t *testing.T) {
	ruth := access.Actor{Name: "Ruth", Person: "ruth", Role: access.SchedulerJob}
	amos := access.Actor{Name: "Amos", Person: "amos", Role: access.SchedulerJob}
	day := secondOfNovember.AddDays(1)
	for name, c := range map[string]struct {
		meanwhile func(o *fixture)
		made      bool
	}{
		"nothing":                   {func(*fixture) {}, true},
		"another day":               {func(o *fixture) { o.publish(day.AddDays(1)); o.publish(day.AddDays(2)) }, true},
		"a plan":                    {func(o *fixture) { o.planned(day.AddDays(3)) }, true},
		"its own plan":              {func(o *fixture) { o.planned(day) }, false},
		"its publication":           {func(o *fixture) { o.publish(day) }, false},
		"its window, which is over": {func(o *fixture) { o.now = o.now.AddDate(0, 0, 2) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOneStation(t)
			waiting := access.NewConfirmations(o.replica, func(c store.Commit) (string, time.Duration) {
				if c.By == ruth.Name && slices.ContainsFunc(c.Writes, func(w store.Write) bool {
					return w.Kind == replica.KindQueue
				}) {
					return "each of hers", 72 * time.Hour
				}
				return "", 0
			}, func() time.Time { return o.now })
			o.replica.Guard, waiting.Renew = waiting.Guard, o.Publisher.Renew
			o.planned(day)
			if _, err := o.Publisher.Publish(t.Context(), ruth, "s", day, PublishOptions{}); !fault.Is(err, fault.Forbidden) {
				t.Fatalf("it does not wait: %v", err)
			}
			c.meanwhile(o)
			list, err := waiting.List(t.Context(), amos)
			if err != nil || len(list) != 1 {
				t.Fatalf("%+v, %v", list, err)
			}
			var shown []string
			for _, d := range list[0].Documents {
				shown = append(shown, d.Kind)
			}
			if !slices.Equal(shown, []string{replica.KindRundown, replica.KindQueue}) {
				t.Errorf("whoever decides is shown %v", shown)
			}
			_, err = waiting.Confirm(t.Context(), amos, list[0].ID)
			if (err == nil) != c.made {
				t.Fatalf("confirmed: %v", err)
			}
			if !c.made {
				return
			}
			q, err := o.Record.Queues.Queue(t.Context(), "s", day)
			if err != nil || len(q.Value.Items) == 0 {
				t.Fatalf("%+v, %v", q, err)
			}
			for _, row := range replica.QueuesIn(o.replica).After("s/", "") {
				if other := row.Value.Value; other.Date != day && other.Revision >= q.Value.Revision {
					t.Errorf("%s has the revision %d, and the later publication %d", other.Date, other.Revision,
						q.Value.Revision)
				}
			}
			r, err := o.Rundowns.published(t.Context(), "s", day)
			if err != nil || r.Revision != q.Value.Revision || r.Status != schedules.Published {
				t.Errorf("its rundown is %+v, %v", r, err)
			}
			gone, err := hashchain.Missing(t.Context(), record.NewHashChain(record.NewRecords(o.replica, o.replica.Store, nil,
				func() time.Time { return o.now }, 0)))
			if err != nil || len(gone) > 0 {
				t.Errorf("the chain lacks %v, %v", gone, err)
			}
		})
	}
}

// planned plans a day.
func (n *fixture) planned(date schedules.Date) {
	n.t.Helper()
	if _, err := n.Drafts.Plan(n.t.Context(), access.System, n.station.ID, date, PlanOptions{}); err != nil {
		n.t.Fatal(err)
	}
}
