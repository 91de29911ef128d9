package endtoend

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"lifeline/schedules"
)

// serialStation applies a station of one window of 28:30 each day, which begins with the next episode of notes.
func (h *house) serialStation(clock schedules.Clock) error {
	h.t.Helper()
	st := schedules.Station{ID: "hill", Name: "Hill", Timezone: "Asia/Seoul", Languages: []string{"ko-KP"},
		Fallback: []string{"evergreen-ko-1", "music-lamp"}, Windows: []schedules.Window{{ID: "w", Clock: clock.ID,
			Length: clock.Length, Tolerance: schedules.Ms(1000),
			Starts: schedules.Recurrence{Timezone: "Asia/Seoul", RRule: "DTSTART:20230901T140000\nRRULE:FREQ=DAILY"}}}}
	body, err := json.Marshal(map[string]any{"stations": []schedules.Station{st}, "clocks": []schedules.Clock{clock}})
	if err != nil {
		h.t.Fatal(err)
	}
	_, err = h.scheduler.Apply(h.t.Context(), bytes.NewReader(body), false)
	return err
}

// Readings become a serial by a producer's edits. Each day airs the next episode, a plan of a later day knows the
// drafts before it, and a day without a next episode repeats the last one and says so.
func TestASerialIsPlannedEpisodeByEpisode(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	numbers := []string{"reading-ko-short-minjun", "reading-ko-short-hana", "reading-ko-full-hana"}
	for n, id := range numbers {
		h.patch(id, map[string]any{"series": "notes", "episode": n + 1})
		h.approveAgain(id)
	}
	clock := schedules.Clock{ID: "serial", Length: schedules.Ms(1_710_000), Positions: []schedules.Position{
		{ID: "serial", Pick: &schedules.Selector{Series: "notes"}, Prefer: schedules.ByEpisode},
		{ID: "rest", Fill: &schedules.Selector{Kinds: []schedules.Kind{"testimony", "letter", "music"}}}},
		Rules: []schedules.Rule{{Only: &schedules.Selector{Series: "notes"}, InOrder: schedules.ByEpisode, Hard: true}}}
	wrong := clock
	wrong.Positions = slices.Clone(clock.Positions)
	wrong.Positions[1].Prefer = schedules.ByEpisode
	if err := h.serialStation(wrong); err == nil || !strings.Contains(err.Error(), "make it a pick") {
		t.Errorf("a fill by episode: %v", err)
	}
	if err := h.serialStation(clock); err != nil {
		t.Fatal(err)
	}
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	minjun.says("plan", "hill", "--date", "2099-11-25..2099-11-28")
	for day, want := range map[string]struct{ segment, why string }{
		"2099-11-25": {numbers[0], "It is episode 1 of notes."},
		"2099-11-26": {numbers[1], "It is episode 2 of notes."},
		"2099-11-27": {numbers[2], "It is episode 3 of notes."},
		"2099-11-28": {numbers[2], "It repeats episode 3 of notes."},
	} {
		r, err := h.scheduler.Rundown(t.Context(), "hill", date(t, day))
		if err != nil {
			t.Fatal(err)
		}
		first := r.Items[0]
		if first.SegmentID != want.segment {
			t.Errorf("%s begins with %s", day, first.SegmentID)
		}
		if said := minjun.says("explain", "hill", day, first.ID); !strings.Contains(said, want.why) {
			t.Errorf("%s is explained without %q: %s", day, want.why, said)
		}
	}

	// By hand nobody gets past the rule: the edited draft says so, and is not published.
	r, err := h.scheduler.Rundown(t.Context(), "hill", date(t, "2099-11-25"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err = h.scheduler.Edit(t.Context(), "hill", r.Date, r.Revision, schedules.Edit{Op: "replace",
		Item: r.Items[0].ID, Segment: numbers[2]}); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(r.Warnings, func(w schedules.Warning) bool {
		return w.Code == schedules.WarnHard && strings.Contains(w.Message, "is episode 3 of notes, and episode 1 is next")
	}) {
		t.Errorf("the edit warns of %v", r.Warnings)
	}
}
