package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser starts a real Chromium that can reach only this machine.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.WindowSize(1280,
		900), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE evil.localhost"))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, quit := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := chromedp.Cancel(closing); err != nil {
			t.Error("the browser closed with", err)
		}
		quit()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// tab is a page of the browser with a user. An error in the page's console fails the test.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	others   []string       // what addresses of other services begin with, to which the user goes
	refusals map[int64]bool // statuses that are expected although the browser logs them as errors
}

// viewPatience is the longest wait for the page to show something, on a busy machine.
const viewPatience = 20 * time.Second

// aged removes features from a page that older browsers in use do not have.
const aged = `
for (const [of, names] of [[URLSearchParams.prototype, ['size']], [AbortSignal, ['any']], [URL, ['canParse', 'parse']], [Object, ['groupBy']], [Map, ['groupBy']],
  [Array, ['fromAsync']], [Array.prototype, ['toSorted', 'toReversed', 'toSpliced', 'with']], [Promise, ['withResolvers', 'try']], [String.prototype, ['isWellFormed', 'toWellFormed']],
  [Set.prototype, ['union', 'intersection', 'difference', 'symmetricDifference', 'isSubsetOf', 'isSupersetOf', 'isDisjointFrom']],
  [globalThis.Iterator?.prototype ?? {}, ['map', 'filter', 'some', 'every', 'find', 'toArray', 'reduce', 'take', 'drop', 'forEach', 'flatMap']],
  [ReadableStream.prototype, [Symbol.asyncIterator, 'values']], [ReadableStream, ['from']], [Intl, ['DurationFormat']], [HTMLElement.prototype, ['showPopover', 'togglePopover', 'hidePopover']],
  [globalThis, ['requestIdleCallback']], [Uint8Array, ['fromBase64', 'fromHex']], [RegExp, ['escape']], [Math, ['sumPrecise']]]) for (const name of names) delete of[name]`

// tab opens a page of its own.
func (h *house) tab(browser context.Context) *tab {
	h.t.Helper()
	return h.tabAt(browser, h.url)
}

// tabAt opens a page of its own at an address of the service.
func (h *house) tabAt(browser context.Context, origin string) *tab {
	h.t.Helper()
	t := h.t.(*testing.T)
	ctx, quit := chromedp.NewContext(browser)
	t.Cleanup(quit)
	b := &tab{t: t, ctx: ctx, refusals: map[int64]bool{404: true}}
	statuses := map[network.RequestID]int64{}
	err := chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("the page threw %s %s", e.ExceptionDetails.Text, e.ExceptionDetails.Exception.Description)
		case *runtime.EventConsoleAPICalled:
			if e.Type == "error" || e.Type == "assert" {
				t.Errorf("the page's console says %s", e.Args[0].Value)
			}
		case *network.EventRequestWillBeSent:
			if at, err := url.Parse(e.Request.URL); err != nil || at.Scheme != "blob" && at.Scheme != "data" &&
				!slices.ContainsFunc(append(b.others, origin+"/"), func(known string) bool {
					return strings.HasPrefix(e.Request.URL, known)
				}) {
				t.Errorf("the page asked for %s", e.Request.URL)
			}
			if strings.Contains(e.Request.URL, "lifeline_") {
				t.Errorf("a token stands in an address: %s", e.Request.URL)
			}
		case *network.EventResponseReceived:
			statuses[e.RequestID] = e.Response.Status
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError && !(e.Entry.Source == log.EntrySourceNetwork &&
				b.refusals[statuses[e.Entry.NetworkRequestID]]) {
				t.Errorf("the browser says %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, struct{}{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: aged}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(origin + "/"))
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, viewPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v\nThe page shows:\n%s", err, b.text())
	}
}

// asked evaluates a script in a page.
func asked[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, viewPatience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s\n%v\nThe page shows:\n%s", script, err, b.text())
	}
	return v
}

// refused expects a status that the browser logs as an error; 0 is an aborted request.
func (b *tab) refused(status int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refusals[status] = true
}

// text returns the text of the page.
func (b *tab) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, viewPatience)
	defer cancel()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.hash + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return s
}

// until waits for a condition in the page.
func (b *tab) until(condition string) {
	b.t.Helper()
	asked[bool](b, `new Promise(done => { const look = () => (`+condition+
		`) ? done(true) : setTimeout(look, 30); look() })`)
}

// sees waits until the page, or its dialog, shows a text.
func (b *tab) sees(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.body.innerText.includes(%s)`, quoted(text)))
}

// seesIn waits until the table row, or other element, with one text shows the other, too.
func (b *tab) seesIn(selector, has, text string) {
	b.t.Helper()
	b.until(
		fmt.Sprintf(`[...document.querySelectorAll(%s)].some(e => e.innerText.includes(%s) && e.innerText.includes(%s))`,
			quoted(selector), quoted(has), quoted(text)))
}

// press clicks the control with an accessible name with the mouse; if a dialog is open, only its controls can be
// reached.
func (b *tab) press(name string) {
	b.t.Helper()
	const find = `((document.querySelector('dialog[open]') ?? document).querySelectorAll('button, a, summary, [role=button]'))`
	element := fmt.Sprintf(
		`[...%s].find(e => (e.getAttribute('aria-label') ?? e.innerText).trim() === %s && !e.disabled && e.checkVisibility())`,
		find, quoted(name))
	b.until(`!!(` + element + `)`)
	at := asked[struct{ X, Y float64 }](b,
		fmt.Sprintf(
			`(() => { const e = %s; e.scrollIntoView({block: 'center'}); const r = e.getClientRects()[0]; return {X: r.x + r.width / 2, Y: r.y + r.height / 2} })()`,
			element))
	b.do(chromedp.MouseClickXY(at.X, at.Y))
}

// fills replaces the text of the control with a label, as a user would.
func (b *tab) fills(label, text string) {
	b.t.Helper()
	element := fmt.Sprintf(
		`[...(document.querySelector('dialog[open]') ?? document).querySelectorAll('label')].find(l => l.innerText.replace(' (needed)', '').trim() === %s)?.control`,
		quoted(label))
	b.until(`!!(` + element + `)`)
	if asked[string](b, fmt.Sprintf(`(() => { const e = %s; e.focus(); e.select?.(); return e.localName })()`,
		element)) == "select" {
		asked[bool](b,
			fmt.Sprintf(`(() => { const e = %s; e.value = %s; return e.dispatchEvent(new Event('change', {bubbles: true})) })()`,
				element, quoted(text)))
		return
	}
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		b.t.Fatal(err)
	}
}

// signIn signs a user in.
func (b *tab) signIn(secret string) {
	b.t.Helper()
	b.fills("Access token", secret)
	b.press("Sign in")
	b.sees("Sign out")
}

// goes opens a view.
func (b *tab) goes(hash string) {
	b.t.Helper()
	asked[string](b, `location.hash = `+quoted(hash))
}

// offers reports whether a control with an accessible name can be pressed.
func (b *tab) offers(name string) bool {
	b.t.Helper()
	return asked[bool](b,
		fmt.Sprintf(`[...document.querySelectorAll('button, a')].some(e => e.innerText.trim() === %s && e.checkVisibility())`,
			quoted(name)))
}

// breaks aborts every request of a method to unfinished uploads until mend is called.
func (b *tab) breaks(method string) (mend func()) {
	b.t.Helper()
	var mended atomic.Bool
	err := chromedp.Listen(b.ctx, func(event any) {
		e, ok := event.(*fetch.EventRequestPaused)
		if !ok {
			return
		}
		go func() { // the event loop must not send commands itself
			var err error
			if e.Request.Method == method && !mended.Load() {
				_, err = chromedp.Call(b.ctx, fetch.FailRequest, fetch.FailRequestParams{RequestID: e.RequestID,
					ErrorReason: network.ErrorReasonConnectionReset})
			} else {
				_, err = chromedp.Call(b.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
			}
			if err != nil && b.ctx.Err() == nil {
				b.t.Log("a request was gone before it was let go:", err)
			}
		}()
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := chromedp.Call(b.ctx, fetch.Enable,
		fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "*/v1/uploads/*"}}}); err != nil {
		b.t.Fatal(err)
	}
	return func() { mended.Store(true) }
}

// prefers sets the user's preferred colour scheme.
func (b *tab) prefers(scheme string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion",
			Value: "reduce"}}}); err != nil {
		b.t.Fatal(err)
	}
}

// controls are the roles of interactive elements.
var controls = []string{"button", "link", "textbox", "searchbox", "combobox", "spinbutton", "checkbox", "radio", "Date",
	"InputTime", "slider", "dialog", "table", "image"}

// named checks that every control of a view has an accessible name.
func (b *tab) named(view string) {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	text := func(v *accessibility.Value) (s string) {
		if v == nil || json.Unmarshal(v.Value, &s) != nil {
			return ""
		}
		return strings.TrimSpace(s)
	}
	found := 0
	for _, n := range tree.Nodes {
		if n.Ignored || !slices.Contains(controls, text(n.Role)) {
			continue
		}
		if found++; text(n.Name) == "" {
			b.t.Errorf("%s: a %s has no name", view, text(n.Role))
		}
	}
	if found < 2 {
		b.t.Errorf("%s: only %d controls are told", view, found)
	}
}

// contrasts lists the texts of a page with too little contrast: below 4.5 by the formula of WCAG 2 (relative
// luminance), with the colour blended over all backgrounds behind it.
const contrasts = `(() => {
  const rgba = c => { const [r, g, b, a = 1] = c.match(/[\d.]+/g).map(Number); return [r, g, b, a] }
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3])).concat(1)
  const luminance = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0)
  const behind = e => {
    const layers = []
    for (let at = e; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor))
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1])
  }
  const out = []
  let texts = 0
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let n; n = walk.nextNode();) {
    const e = n.parentElement
    if (!n.data.trim() || !e.checkVisibility() || e.closest('.hidden, .skip, :disabled')) continue
    texts++
    const back = behind(e)
    const [a, b] = [luminance(over(rgba(getComputedStyle(e).color), back)), luminance(back)].sort((x, y) => y - x)
    const ratio = (a + 0.05) / (b + 0.05)
    if (ratio < 4.5) out.push(n.data.trim() + ' ' + ratio.toFixed(2))
  }
  return {texts, faint: [...new Set(out)]}
})()`

func (b *tab) legible(view string) {
	b.t.Helper()
	got := asked[struct {
		Texts int      `json:"texts"`
		Faint []string `json:"faint"`
	}](b, contrasts)
	if got.Texts < 4 || len(got.Faint) > 0 {
		b.t.Errorf("%s: of %d texts these are faint: %q", view, got.Texts, got.Faint)
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
