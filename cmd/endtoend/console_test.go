package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"lifeline/audio/samples"
	"lifeline/internal/access"
	"lifeline/internal/console"
	"lifeline/internal/harness/longform"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Four users work in a real browser: Hana uploads over a link that breaks, Ruth edits, Sora approves, Minjun plans and
// publishes, all see the station's state change, and Ruth recalls. The page logs no error, and contacts only the
// service.
func TestConsoleTakesWorkFromUploadToRecall(t *testing.T) {
	longform.Only(t)
	h := open(t, furnish(t))
	day := tomorrow(t, h, ownStation)
	held := h.published(day, 1)
	h.reports(ownStation, wire.Status{QueueDate: day.String(), QueueRevision: held, RecallsSeen: 1, CoverHours: 30,
		PlayerVersion: "1"})
	chromium := browser(t)

	watching := h.tab(chromium)
	watching.signIn(h.secrets["scheduler"])
	watching.seesIn("tr", "Harbour Dawn", "in step")
	watching.seesIn("tr", "Atlantic Desk", "never heard of")

	work := h.tab(chromium)
	work.refused(http.StatusUnauthorized)
	work.fills("Access token", "lifeline_0123456789abcdef0123_nonsense")
	work.press("Sign in")
	work.until(`!!document.querySelector('[role=alert]')`)
	work.signIn(h.secrets["producer"])
	h.uploads(work)
	work.sees("You uploaded this. Another person must approve it.")
	if work.offers("Approve…") {
		t.Error("who uploaded is offered to approve")
	}
	work.until(`!!document.querySelector('canvas[data-drawn]')`)
	work.press("▶ Listen")
	work.until(`document.querySelector('audio').currentTime > 0.05`)

	work.press("Sign out")
	work.signIn(h.secrets["editor"])
	work.sees("Approve…")
	h.editsAtOnce(work)
	work.sees("You changed this. Another person must approve it.")
	if work.offers("Approve…") {
		t.Error("who changed it is offered to approve")
	}

	work.press("Sign out")
	h.as("second", access.NewToken{Name: "Sora", Role: access.Producer})
	work.signIn(h.secrets["second"])
	work.press("▶ Listen")
	work.until(`document.querySelector('audio').currentTime > 0.5`)
	asked[float64](work, `document.querySelector('audio').currentTime = document.querySelector('audio').duration - 0.1`)
	work.until(`document.querySelector('audio').ended`)
	work.press("Approve…")
	work.seesIn("dialog", "You heard", "The approval says so.") // what was sought over was not heard
	work.fills("Reason", "heard it whole")
	work.press("Approve")
	work.until(`document.querySelector('main .badge').innerText.includes('approved')`)
	work.seesIn("dd", "Sora", "% heard")
	if s, err := h.producer.Segment(t.Context(), "letter-of-today"); err != nil || s.Approval == nil ||
		s.Approval.HeardPercent == nil || *s.Approval.HeardPercent > 50 {
		t.Errorf("%+v, %v", s.Approval, err)
	}

	work.press("Sign out")
	work.signIn(h.secrets["scheduler"])
	revision := h.plansAndPublishes(work, day)
	watching.seesIn("tr", "Harbour Dawn", "behind")
	watching.seesIn("tr", "Harbour Dawn", "of r"+strconv.FormatInt(revision, 10))
	h.reports(ownStation, wire.Status{QueueDate: day.String(), QueueRevision: revision, RecallsSeen: 1, CoverHours: 54,
		PlayerVersion: "1"})
	watching.seesIn("tr", "Harbour Dawn", "in step")
	watching.seesIn("tr", "Harbour Dawn", "54.0 h")

	work.press("Sign out")
	work.signIn(h.secrets["editor"])
	work.goes("#/segments/letter-of-today")
	work.press("Recall…")
	work.refused(http.StatusUnprocessableEntity)
	work.press("Recall") // without a reason
	work.until(`document.querySelector('dialog [data-field=reason] .wrong').innerText !== ''`)
	work.fills("Reason", "the family is in danger")
	work.press("Recall")
	work.sees("5 of 5 stations have not acknowledged yet")
	h.reports(ownStation, wire.Status{QueueDate: day.String(), QueueRevision: revision, RecallsSeen: 2, CoverHours: 54,
		PlayerVersion: "1"})
	work.seesIn("tr", ownStation, "yes")
	work.sees("4 of 5 stations have not acknowledged yet")
	if s, err := h.producer.Segment(t.Context(), "letter-of-today"); err != nil || s.State != schedules.Recalled {
		t.Errorf("%s, %v", s.State, err)
	}
}

// Every view, in light and dark, has a name for each control and a contrast of 4.5 for each text, and fits 360 pixels.
func TestConsoleIsForEverybody(t *testing.T) {
	longform.Only(t)
	h := open(t, furnish(t))
	day := tomorrow(t, h, ownStation)
	held := h.published(day, 1)
	h.reports(ownStation, wire.Status{QueueDate: day.String(), QueueRevision: held - 1, RecallsSeen: 1,
		ClockOffset: schedules.Ms(-900), PlayerVersion: "1",
		Problems: []string{"music-lamp: its hash is not that of the queue"}})
	b := h.tab(browser(t))
	both := func(view string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			b.prefers(scheme)
			b.legible(view + ", " + scheme)
		}
		b.named(view)
		b.do(chromedp.EmulateViewport(360, 780))
		if width := asked[int](b, `document.documentElement.scrollWidth`); width > 360 {
			t.Errorf("%s is %d pixels wide where there are 360", view, width)
		}
		b.do(chromedp.EmulateViewport(1280, 900))
	}
	b.sees("Access token")
	both("sign in")
	b.signIn(h.secrets["scheduler"])
	b.seesIn("tr", "Harbour Dawn", "behind")
	both("stations")
	b.do(chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r")) // from the heading to the first link, and through it
	b.sees("Atlantic Desk, ")
	b.goes("#/day/" + ownStation + "/" + day.String())
	b.until(`document.querySelectorAll('button.title').length > 10`)
	asked[bool](b, `document.querySelectorAll('button.title')[1].focus() || true`)
	b.do(chromedp.KeyEvent("\r"))
	b.sees("Why:")
	both("a day")
	b.press("Plan anew…")
	b.sees("The same seed gives the same day")
	both("a dialog")
	b.press("Cancel")
	h.opens(day)
	b.sees(" empty\n")
	b.until(`[...document.querySelectorAll('section.window')].some(w => w.querySelector('tr.hole') && !w.querySelector('p').innerText.includes('full'))`)
	both("a day with a hole")
	b.goes("#/library?kind=music")
	b.sees("LUFS")
	both("the library")
	b.goes("#/segments/reading-ko-full-hana")
	b.until(`!!document.querySelector('canvas[data-drawn]')`)
	b.sees("Airings")
	both("a segment")
	b.goes("#/reports")
	b.sees("Make-goods")
	both("reports")
	b.goes("#/audit")
	b.sees("queue.publish")
	both("the audit")
	b.goes("#/upload") // schedulers may not upload
	b.sees("The role scheduler may not see this.")
	both("a refusal")
	b.press("Sign out")
	b.signIn(h.secrets["producer"])
	b.goes("#/upload")
	b.sees("Recording (MP3)")
	both("an upload")
	h.asksToForgetPersons("letter-ko-sister", "누이에게 · 给姐姐的信")
	h.asksToErase("testimony-en-driver")
	b.goes("#/waiting")
	b.sees("Erase ")
	both("what waits for a second person")
	id := strings.Split(h.secrets["producer"], "_")[1]
	if err := h.service.Access.Revoke(t.Context(), access.System, id); err != nil {
		t.Fatal(err)
	}
	b.refused(http.StatusUnauthorized)
	b.goes("#/library")
	b.sees("Your token is not valid any more")
	both("somebody whose token was revoked")
}

// The page is not cached and declares its policy; its files are named by their hash and never change.
func TestConsoleIsServedUnderStrictPolicy(t *testing.T) {
	t.Parallel()
	h := open(t, t.TempDir())
	page := h.do(http.MethodGet, "/", "", nil, nil)
	if page.status != http.StatusOK || page.header.Get("Content-Security-Policy") != console.Policy ||
		page.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%d %v", page.status, page.header)
	}
	if again := h.do(http.MethodGet, "/", "", map[string]string{"If-None-Match": page.header.Get("ETag")},
		nil); again.status != http.StatusNotModified || len(again.body) > 0 {
		t.Errorf("the page that is known is answered %d with %d bytes", again.status, len(again.body))
	}
	base := console.Root + console.Build()
	for name, contentType := range map[string]string{"app.js": "text/javascript; charset=utf-8",
		"style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		file := h.do(http.MethodGet, base+"/"+name, "", nil, nil)
		if file.status != http.StatusOK || file.header.Get("Content-Type") != contentType ||
			file.header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", name, file.status, file.header)
		}
		if !bytes.Contains(page.body, []byte(base+"/"+name)) {
			t.Errorf("the page does not name %s", name)
		}
	}
	if old := h.do(http.MethodGet, console.Root+"0123456789abcdef/app.js", "", nil,
		nil); old.status != http.StatusNotFound {
		t.Errorf("a file of another build is answered %d", old.status)
	}
}

// tomorrow returns the station's next broadcast day, so that nothing of it is frozen.
func tomorrow(t *testing.T, h *house, station string) schedules.Date {
	t.Helper()
	all, err := h.scheduler.Stations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range all {
		if st.ID == station {
			today, err := st.DateAt(time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return today.AddDays(1)
		}
	}
	t.Fatalf("there is no station %s", station)
	return schedules.Date{}
}

// published plans and publishes the day of the tests' own station.
func (h *house) published(day schedules.Date, seed uint64) int64 {
	h.t.Helper()
	one := wire.ManyRequest{Stations: []string{ownStation}, Dates: []schedules.Date{day}, Seed: seed}
	if _, err := h.scheduler.Plan(h.t.Context(), one); err != nil {
		h.t.Fatal(err)
	}
	results, err := h.scheduler.Publish(h.t.Context(), one)
	if err != nil || results[0].Problem != nil {
		h.t.Fatal(err, results)
	}
	return results[0].Revision
}

// opens makes a hole in a day: the last item of its first window is removed.
func (h *house) opens(day schedules.Date) {
	h.t.Helper()
	r, err := h.scheduler.Rundown(h.t.Context(), ownStation, day)
	if err != nil {
		h.t.Fatal(err)
	}
	last := slices.IndexFunc(r.Items, func(i schedules.Item) bool { return i.Window != r.Items[0].Window }) - 1
	if _, err := h.scheduler.Edit(h.t.Context(), ownStation, day, r.Revision,
		schedules.Edit{Op: "remove", Item: r.Items[last].ID}); err != nil {
		h.t.Fatal(err)
	}
}

// reports sends a station's status.
func (h *house) reports(station string, s wire.Status) {
	h.t.Helper()
	secret, ok := h.secrets["station:"+station]
	if !ok {
		secret = h.stationSecret(station)
	}
	body, err := json.Marshal(s)
	if err != nil {
		h.t.Fatal(err)
	}
	if a := h.do(http.MethodPost, wire.Station(station, "status"), secret,
		map[string]string{"Content-Type": "application/json"}, body); a.status != http.StatusNoContent {
		h.t.Fatalf("%d %s", a.status, a.body)
	}
}

// uploads uploads a letter as a producer; a field is wrong at first, and the link breaks midway.
func (h *house) uploads(b *tab) {
	h.t.Helper()
	recording, err := samples.Files.ReadFile("letter-ko-sister.mp3")
	if err != nil {
		h.t.Fatal(err)
	}
	file := filepath.Join(h.t.TempDir(), "letter-of-today.mp3")
	if err := os.WriteFile(file, recording, 0o600); err != nil {
		h.t.Fatal(err)
	}
	b.goes("#/library")
	b.press("Upload a recording")
	b.sees("Recording (MP3)")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{file}))
	b.sees("letter-of-today.mp3, ")
	b.press("Id")
	b.fills("Id", "letter-of-today")
	b.fills("Title", "누이에게 보내는 <b>편지</b>")
	b.fills("Kind", "letter")
	b.fills("Language", "한국어")
	b.fills("Voice", "Hana")
	b.refused(http.StatusUnprocessableEntity)
	b.press("Upload")
	b.until(`document.querySelector('[data-field=language] .wrong').innerText !== ''`)
	b.fills("Language", "ko-KP")
	b.refused(0) // a request that is aborted
	mend := b.breaks(http.MethodPatch)
	b.press("Upload")
	b.sees("waiting for the link")
	b.do(chromedp.Reload())                         // as an impatient user would
	b.seesIn("tr", "letter-of-today", "0.0 MiB of") // the upload is still known
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{file}))
	b.sees("0% of it is here already")
	mend()
	b.press("Upload")
	b.sees("누이에게 보내는 <b>편지</b>") // as it was typed, and not as HTML
	s := h.analysed("letter-of-today")
	if s.State != schedules.Pending || s.UploadedBy != "Hana" || s.Recording.Bytes != int64(len(recording)) {
		h.t.Errorf("%+v", s)
	}
}

// editsAtOnce edits while another user is faster: nothing typed is lost, and the other's change stays.
func (h *house) editsAtOnce(b *tab) {
	h.t.Helper()
	b.press("Edit…")
	b.fills("Voice", "Hana Kim")
	b.fills("Persons named", "p40")
	asked[string](b, `document.querySelector('dialog [name="consent.expires_at"]').value = '2036-01-02T03:04'`)
	s, err := h.producer.Segment(h.t.Context(), "letter-of-today")
	if err != nil {
		h.t.Fatal(err)
	}
	if a := h.do(http.MethodPatch, wire.Segment(s.ID), h.secrets["producer"],
		map[string]string{"Content-Type": "application/merge-patch+json",
			"If-Match": strconv.Quote(strconv.FormatInt(s.Revision, 10))},
		[]byte(`{"tags":["family"]}`)); a.status != http.StatusOK {
		h.t.Fatalf("%d %s", a.status, a.body)
	}
	b.refused(http.StatusPreconditionFailed)
	b.press("Save")
	b.sees("Someone else changed it meanwhile.")
	b.sees(`tags is now ["family"]`)
	b.press("Save")
	b.until(`!document.querySelector('dialog')`)
	if s, err = h.producer.Segment(h.t.Context(), s.ID); err != nil || s.Voice != "Hana Kim" || len(s.Tags) != 1 ||
		s.Consent == nil || s.Consent.ExpiresAt.String() != "2036-01-02T03:04:00.000Z" {
		h.t.Errorf("%+v, %v", s, err)
	}
}

// plansAndPublishes plans a day again as a scheduler, tries the new letter in it, removes it, and publishes; it returns
// the revision.
func (h *house) plansAndPublishes(b *tab, day schedules.Date) int64 {
	h.t.Helper()
	b.goes("#/day/" + ownStation + "/" + day.String())
	b.sees("published")
	b.press("Plan anew…")
	b.fills("Seed", "2")
	b.press("Plan")
	b.sees("differences from what is published")
	first := asked[string](b, `document.querySelectorAll('button.title')[2].innerText`)
	b.press(first)
	b.sees("Why:")
	b.press("Insert after… " + first)
	b.fills("Find", "누이에게")
	b.seesIn("dialog label", "편지", "letter-of-today")
	asked[bool](b, `document.querySelector('dialog [value="letter-of-today"]').click() || true`)
	h.published(day, 3) // another user is faster
	b.refused(http.StatusPreconditionFailed)
	b.press("Insert")
	b.sees("Someone else changed this day meanwhile.")
	b.press("Cancel")
	b.press("Plan anew…")
	b.fills("Seed", "2")
	b.press("Plan")
	b.sees("differences from what is published")
	first = asked[string](b, `document.querySelectorAll('button.title')[3].innerText`)
	b.press(first)
	b.press("Insert after… " + first)
	b.fills("Find", "누이에게")
	b.seesIn("dialog label", "편지", "letter-of-today")
	asked[bool](b, `document.querySelector('dialog [value="letter-of-today"]').click() || true`)
	b.press("Insert")
	b.sees("too long")
	b.press("Publish…")
	b.press("Publish") // the window's length forbids it
	b.until(`!!document.querySelector('dialog [role=alert] li')`)
	b.press("Cancel")
	b.press("누이에게 보내는 <b>편지</b>")
	b.press("Remove 누이에게 보내는 <b>편지</b>")
	b.until(`!document.querySelector('main').innerText.includes('too long')`)
	b.press("Publish…")
	b.press("Publish")
	b.until(`document.querySelector('main .badge').innerText.includes('published')`)
	r, err := h.scheduler.Rundown(h.t.Context(), ownStation, day)
	if err != nil || r.Status != schedules.Published {
		h.t.Fatal(r.Status, err)
	}
	return r.Revision
}

// A browser opens six connections to a host, and the change stream of each page holds one: hidden pages give theirs
// back, and are up to date when they are shown again. In a browser without a screen no page is hidden by itself.
func TestManyTabsOfTheConsoleWorkBesideEachOther(t *testing.T) {
	longform.Only(t)
	h := open(t, furnish(t))
	chromium := browser(t)
	hide := func(b *tab, hidden bool) {
		asked[bool](b, fmt.Sprintf(`(Object.defineProperty(document, 'hidden', {get: () => %t, configurable: true}),
			document.dispatchEvent(new Event('visibilitychange')))`, hidden))
	}
	var tabs []*tab
	for range 8 {
		b := h.tab(chromium)
		b.signIn(h.secrets["scheduler"])
		b.goes("#/library?kind=music")
		b.sees("LUFS")
		tabs = append(tabs, b)
		if len(tabs) < 8 {
			hide(b, true)
		}
	}
	first, last := tabs[0], tabs[len(tabs)-1]
	last.goes("#/segments/music-lamp")
	last.sees("Airings")
	if _, err := h.editor.Act(t.Context(), "music-lamp", "recall", "a person is in danger"); err != nil {
		t.Fatal(err)
	}
	last.sees("recalled")
	hide(first, false)
	first.seesIn("tr", "music-lamp", "recalled")
}
