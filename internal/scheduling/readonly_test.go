package scheduling

import (
	"context"
	"errors"
	"testing"
	"time"

	"lifeline/internal/record"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// fullStore refuses commits while it is full.
type fullStore struct {
	replica.Store
	full bool
}

func (f *fullStore) Commit(ctx context.Context, c store.Commit) ([]store.Change, error) {
	if f.full {
		return nil, errors.New("the disk is full")
	}
	return f.Store.Commit(ctx, c)
}

// A missed programme is owed before the background work has stored the make-good. Requests for a plan, an explanation,
// a report or the programmes owed store nothing, so they succeed on a store that refuses commits.
func TestReadsDoNotWrite(t *testing.T) {
	d := newPlanningRoom(t, 12)
	d.publish("relay", d.plan("relay", d.today).Date)
	missed, err := d.scheduler.Rundowns.published(t.Context(), "relay", d.today)
	if err != nil {
		t.Fatal(err)
	}
	d.now = missed.Items[len(missed.Items)-1].EndAt().Add(20 * time.Hour)
	tomorrow := d.today.AddDays(2)
	d.plan("relay", tomorrow) // a plan to be explained
	var entries []schedules.AsRun
	for n, i := range missed.Items {
		entries = append(entries, schedules.AsRun{Sequence: int64(n + 1), ItemID: i.ID, SegmentID: i.SegmentID,
			StartedAt: i.StartAt, EndedAt: i.StartAt, Outcome: schedules.Failed})
	}
	log := d.scheduler.Record.Logbook
	if _, err := log.Report(t.Context(), "relay", entries); err != nil {
		t.Fatal(err)
	}
	d.put(replica.KindStatus, "relay", wire.Status{ReceivedAt: schedules.At(d.now)})
	full := &fullStore{Store: d.replica.Store, full: true}
	d.replica.Store = full
	plan, err := d.scheduler.Drafts.Plan(t.Context(), plannerActor, "relay", d.today.AddDays(3), PlanOptions{DryRun: true})
	if err != nil {
		t.Fatalf("a dry run: %v", err)
	}
	makesGood := 0
	for _, i := range plan.Items {
		if i.MakesGood != "" {
			makesGood++
		}
	}
	if makesGood == 0 {
		t.Error("the dry run airs nothing of what was missed")
	}
	owed, _, err := log.MakeGoods(t.Context(), record.MakeGoodQuery{Station: "relay", State: wire.MakeGoodOwed,
		Limit: 100})
	if err != nil || len(owed) == 0 {
		t.Errorf("what is owed: %d, %v", len(owed), err)
	}
	draft, err := d.scheduler.Rundowns.drafted(t.Context(), "relay", tomorrow, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.scheduler.Rundowns.Explain(t.Context(), "relay", tomorrow, draft.rundown.Revision,
		draft.rundown.Items[0].ID); err != nil {
		t.Errorf("an explanation: %v", err)
	}
	if _, err := d.scheduler.Record.Accounts.Account(t.Context(), schedules.Station{ID: "relay", Timezone: "Asia/Seoul"},
		d.today, tomorrow, ""); err != nil {
		t.Errorf("a reconciliation: %v", err)
	}
	full.full = false
	if err := d.scheduler.Record.MakeGoods.SettleAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored, _, err := log.MakeGoods(t.Context(), record.MakeGoodQuery{Station: "relay", State: wire.MakeGoodOwed,
		Limit: 100})
	if err != nil || len(stored) != len(owed) {
		t.Errorf("stored %d of %d owed, %v", len(stored), len(owed), err)
	}
}
