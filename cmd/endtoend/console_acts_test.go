package endtoend

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/harness/longform"
	"lifeline/schedules"
)

// Each act of the console does what its button says, or gives the reason for a refusal: on a day and on a segment, by
// users with and without the role. The service is below a proxy's path, and the browser is an old one.
func TestConsoleActsDoWhatTheySayOrSayWhyNot(t *testing.T) {
	longform.Only(t)
	h := startBelow(t, serveDefaults(furnish(t)), "/radio/seoul")
	day := tomorrow(t, h, ownStation)
	h.published(day, 1)
	h.as("viewer", access.NewToken{Name: "Vera", Role: access.Viewer})
	h.as("expired", access.NewToken{Name: "Hana", Role: access.Producer, Life: time.Millisecond})
	h.as("ruth2", access.NewToken{Name: "Sora", Role: access.Producer})
	b := h.tab(browser(t))
	for _, status := range []int64{http.StatusUnauthorized, http.StatusUnprocessableEntity, http.StatusConflict,
		http.StatusForbidden, http.StatusPreconditionFailed} {
		b.refused(status)
	}

	b.fills("Access token", h.secrets["expired"])
	b.press("Sign in")
	b.until(`document.querySelector('[role=alert], .wrong:not(:empty)')?.innerText.includes('token')`)
	b.signIn(h.secrets["scheduler"])
	h.editsByEachButton(b, day)
	h.withdrawsAndPublishes(b, day)
	b.press("Sign out")
	b.signIn(h.secrets["editor"])
	h.takesOffTheAirAndBack(b)
	b.press("Sign out")
	b.signIn(h.secrets["producer"])
	h.uploadsByDrag(b)
	b.press("Sign out")
	h.decidesWhatWaits(b)
	b.press("Sign out")
	b.signIn(h.secrets["viewer"])
	for _, view := range []string{"#/day/" + ownStation + "/" + day.String(), "#/segments/letter-ko-sister", "#/library",
		"#/reports", "#/stations"} {
		b.goes(view)
		b.until(`!!document.querySelector('h1') && !document.body.innerText.includes('Loading')`)
		for _, act := range []string{"Plan anew…", "Publish…", "Withdraw…", "Approve…", "Recall…", "Edit…", "Reject…",
			"Reinstate…", "Upload a recording", "Waive…"} {
			if b.offers(act) {
				t.Errorf("%s offers a viewer to %s", view, act)
			}
		}
	}
	b.goes("#/upload")
	b.sees("The role viewer may not see this.")
}

// editsByEachButton changes a day as a scheduler by every button of an item.
func (h *house) editsByEachButton(b *tab, day schedules.Date) {
	h.t.Helper()
	b.goes("#/day/" + ownStation + "/" + day.String())
	b.sees("published")
	revision := func() int64 {
		h.t.Helper()
		r, err := h.scheduler.Rundown(h.t.Context(), ownStation, day)
		if err != nil {
			h.t.Fatal(err)
		}
		return r.Revision
	}
	// press presses a button of the n-th item, opens its panel if necessary, and returns the revision before.
	press := func(n int, act string) int64 {
		h.t.Helper()
		before := revision()
		b.until(fmt.Sprintf(`document.querySelector('main').innerText.includes('revision %d')`, before))
		row := fmt.Sprintf(`document.querySelectorAll('tr[data-item]')[%d]`, n)
		asked[bool](b, `(t => t.getAttribute('aria-expanded') === 'true' || t.click() || true)(`+row+
			`.querySelector('button.title'))`)
		button := fmt.Sprintf(`document.querySelector('[data-key="' + %s + ' ' + %s.dataset.item + '"]')`, quoted(act), row)
		b.until(button + `?.disabled === false`)
		asked[bool](b, button+`.click() || true`)
		return before
	}
	saved := func(act string, before int64) {
		h.t.Helper()
		b.until(fmt.Sprintf(`document.querySelector('main').innerText.includes('revision %d')`, before+1))
		if got := revision(); got != before+1 {
			h.t.Errorf("%s made revision %d after %d", act, got, before)
		}
	}
	for _, act := range []string{"Lock", "Unlock", "Later", "Earlier", "Remove"} {
		saved(act, press(2, act))
	}
	for _, act := range []string{"Replace", "Insert after", "Move"} {
		before := press(3, act+"…")
		b.until(`!!document.querySelector('dialog[open]')`)
		done := strings.TrimSuffix(act, " after")
		if act != "Move" {
			b.until(`!!document.querySelector('dialog [type=radio]')`) // the dialog grows with the results
			b.press(done)
			b.sees("Choose a segment first.")
			b.fills("Find", "letter-ko-sister")
			b.seesIn("dialog label", "letter-ko-sister", "letter")
			asked[bool](b, `document.querySelector('dialog [value="letter-ko-sister"]').click() || true`)
		}
		b.press(done)
		b.until(`!document.querySelector('dialog[open]')`)
		saved(act, before)
	}
	b.press("Publish…")
	b.press("Publish") // the lengths of windows forbid it by now
	b.until(`!!document.querySelector('dialog [role=alert] li')`)
	b.press("Cancel")
}

// withdrawsAndPublishes withdraws a day and publishes it again.
func (h *house) withdrawsAndPublishes(b *tab, day schedules.Date) {
	h.t.Helper()
	b.press("Withdraw…")
	b.press("Withdraw")
	b.until(`document.querySelector('dialog [data-field=reason] .wrong').innerText !== ''`)
	b.fills("Reason", "the hours were sold")
	b.press("Withdraw")
	b.until(`document.querySelector('main .badge').innerText.includes('withdrawn')`)
	if q, err := h.scheduler.Published(h.t.Context(), ownStation, day); err != nil || !q.Withdrawn {
		h.t.Errorf("%+v, %v", q, err)
	}
	if b.offers("Withdraw…") {
		h.t.Error("a day that is withdrawn is offered to be withdrawn")
	}
	b.press("Plan anew…")
	b.press("Plan")
	b.until(`document.querySelector('main .badge').innerText.includes('draft')`)
	b.press("Publish…")
	b.press("Publish")
	b.until(`document.querySelector('main .badge').innerText.includes('published')`)
	shows := func(d schedules.Date) {
		h.t.Helper()
		b.until(`location.hash.includes('` + d.String() + `') && document.querySelector('h1')?.innerText.includes('` +
			d.String() + `')`)
	}
	b.press("The day after")
	shows(day.AddDays(1))
	b.press("The day before")
	shows(day)
	b.press("Today")
	b.until(`document.querySelector('h1')?.innerText.startsWith('Harbour Dawn')`)
}

// takesOffTheAirAndBack recalls a segment, reinstates it, and has another editor approve it; then it rejects one.
func (h *house) takesOffTheAirAndBack(b *tab) {
	h.t.Helper()
	state := func(s string) {
		h.t.Helper()
		b.until(fmt.Sprintf(`document.querySelector('main .badge')?.innerText.includes(%s)`, quoted(s)))
	}
	act := func(name, reason string) {
		h.t.Helper()
		b.press(name + "…")
		b.fills("Reason", reason)
		b.press(name)
	}
	b.goes("#/segments/letter-ko-sister")
	act("Recall", "the family is in danger")
	state("recalled")
	act("Reinstate", "they are safe")
	state("pending")
	b.sees("You reinstated this. Another person must approve it.")
	if b.offers("Approve…") {
		h.t.Error("who reinstated is offered to approve")
	}
	b.press("Sign out")
	b.signIn(h.secrets["ruth2"])
	act("Approve", "heard it again")
	state("approved")
	act("Reject", "too long")
	state("rejected")
	b.sees("too long")
	b.press("Edit…")
	b.press("Save") // nothing
	b.until(`!document.querySelector('dialog')`)
}

// uploadsByDrag drops a file on the page; its Korean name is in the Unicode form that macOS uses.
func (h *house) uploadsByDrag(b *tab) {
	h.t.Helper()
	recording, err := samples.Files.ReadFile("time-signal.mp3")
	if err != nil {
		h.t.Fatal(err)
	}
	recording = append(recording, ("TAG" + strings.Repeat("\x00", 125))...) // a different recording from the sample
	b.goes("#/upload")
	b.sees("Recording (MP3)")
	asked[bool](b, fmt.Sprintf(`(() => {
  const bytes = Uint8Array.from(atob(%s), c => c.charCodeAt(0)), carried = new DataTransfer()
  carried.items.add(new File([bytes], %s, {type: 'audio/mpeg'}))
  const drop = document.querySelector('.drop')
  for (const kind of ['dragover', 'drop']) drop.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: carried}))
  return true })()`, quoted(base64.StdEncoding.EncodeToString(recording)), quoted("\u1111\u1167\u11ab\u110c\u1175_1.mp3")))
	b.sees("_1.mp3, ")
	b.fills("Kind", "time-signal")
	b.fills("Language", "zxx")
	b.press("Upload")
	b.until(`location.hash.startsWith('#/segments/')`)
	b.sees("\ud3b8\uc9c0 1")
	list, err := h.producer.Segments(h.t.Context(), map[string][]string{"q": {"\ud3b8\uc9c0 1"}})
	if err != nil || len(list) != 1 || list[0].Title != "\ud3b8\uc9c0 1" {
		h.t.Errorf("%+v, %v", list, err)
	}
	if _, err := h.scheduler.Segment(h.t.Context(), "no-such"); err == nil {
		h.t.Error("there is a segment that nobody made")
	}
	b.goes("#/segments/no-such")
	b.sees("there is no segment")
}

// decidesWhatWaits decides on two changes and an erasure for which a producer asked: another person confirms, and the
// producer withdraws.
func (h *house) decidesWhatWaits(b *tab) {
	h.t.Helper()
	const confirmed, withdrawn, erased = "letter-cmn-grandmother", "news-en", "commentary-cmn-door"
	for _, id := range []string{confirmed, withdrawn} {
		h.asksToForgetPersons(id, "祖母的信 <b>할머니</b>")
	}
	h.asksToErase(erased)
	b.signIn(h.secrets["producer"])
	b.press("Waiting")
	b.press("Withdraw segment.edit " + withdrawn)
	b.press("Withdraw")
	b.until(`!document.querySelector('dialog')`)
	b.until(`!document.querySelector('main').innerText.includes('` + withdrawn + `')`)
	if b.offers("Confirm…") {
		h.t.Error("a person is offered to confirm what they asked for")
	}
	b.press("Sign out")
	h.second()
	b.signIn(h.secrets["second"])
	b.seesIn("section.waits tr", "title", "祖母的信 <b>할머니</b>")
	b.press("Confirm segment.edit " + confirmed)
	b.press("Confirm")
	b.until(`!document.querySelector('dialog')`)
	b.sees("No change waits for a second person.")
	b.until(`document.activeElement.localName === 'h1'`)
	if s, err := h.producer.Segment(h.t.Context(), confirmed); err != nil || len(s.Persons) > 0 {
		h.t.Errorf("%+v, %v", s, err)
	}
	b.press("Confirm erasure of " + erased)
	b.sees("This erases for good, everywhere.")
	b.fills("Reason", "the family asks for it")
	b.press("Confirm")
	b.until(`!document.querySelector('dialog')`)
	b.sees("No erasure waits for a second person.")
	b.seesIn("tr", erased, "Amos")
}

// asksToForgetPersons asks, as a producer, for a change that needs two persons.
func (h *house) asksToForgetPersons(segment, title string) {
	h.t.Helper()
	h.patch(segment, map[string]any{"persons": []string{"p40"}})
	s, err := h.producer.Segment(h.t.Context(), segment)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.producer.EditSegment(h.t.Context(), segment, s.Revision, map[string]any{"persons": []string{},
		"title": title}); !fault.Is(err, fault.Forbidden) {
		h.t.Fatal(err)
	}
}

func (h *house) asksToErase(segment string) {
	h.t.Helper()
	if got := h.do(http.MethodPost, "/v1/erasures", h.secrets["producer"], nil,
		[]byte(`{"segments":["`+segment+`"],"reason":"她撤回了同意"}`)); got.status != http.StatusCreated {
		h.t.Fatalf("%d %s", got.status, got.body)
	}
}
