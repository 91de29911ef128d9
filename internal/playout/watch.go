package playout

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strings"
	"time"

	"lifeline/internal/playout/dsp"
	"lifeline/internal/playout/output"
	"lifeline/internal/text"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Watch is the station's state for local observers: the status that it reports to the service, and local details.
type Watch struct {
	wire.Status
	Station string             `json:"station"`
	Now     schedules.Instant  `json:"now"`
	Title   string             `json:"title,omitempty"` // of the item on the air
	Next    []Coming           `json:"next"`
	Unsent  int                `json:"as_run_unsent"`
	Outputs []output.LineState `json:"outputs"`
	Silent  bool               `json:"silent"` // no output that counts accepts the programme
	Mirrors []MirrorState      `json:"mirrors,omitempty"`
	Lists   *Listing           `json:"lists,omitempty"` // by which players of others air; null: this player airs

	HeardAt      schedules.Instant `json:"heard_at"`               // when the service last signed an answer
	Unheard      schedules.Millis  `json:"unheard_ms"`             // how long ago that was
	StarvedSince schedules.Instant `json:"starved_since,omitzero"` // HeardAt, if the station is starved
	Starved      schedules.Starved `json:"starved"`                // when it is, and what it airs then

	CertificateEnds schedules.Instant `json:"certificate_ends,omitzero"` // expiry of the service's certificate, as last seen
}

// Coming is one of the next items.
type Coming struct {
	StartAt schedules.Instant `json:"start_at"`
	Window  string            `json:"window"`
	Title   string            `json:"title"`
	Here    bool              `json:"here"` // its audio is in the cache
}

// Peak returns the level of the output in dBFS, dsp.SilenceDBFS for silence.
func (w Watch) Peak() float64 {
	if w.PeakDBFS == nil {
		return dsp.SilenceDBFS
	}
	return *w.PeakDBFS
}

const comingItems = 10

// Watch returns the station's current state.
func (p *Player) Watch() Watch {
	h, now := p.documents.Holdings(), p.time.Now()
	w := Watch{Status: p.reporter.Status(), Station: p.opt.Station, Now: schedules.At(now),
		Title: p.playing.Load().Title}
	pending, _ := p.spool.Pending(math.MaxInt)
	w.Unsent, w.Silent = len(pending), p.sound.Silent()
	w.Outputs, w.Mirrors = p.lines.States(), p.mirrors.States()
	if p.identity != nil {
		w.KeyID = p.identity.Signer().KeyID()
	}
	if p.lister != nil {
		w.Lists = p.lister.stands.Load()
	}
	if ends := p.opt.API.CertificateEnds(); !ends.IsZero() {
		w.CertificateEnds = schedules.At(ends)
	}
	quiet, heard := p.documents.contact.silence()
	w.HeardAt, w.Unheard = schedules.At(heard), schedules.Millis{Duration: quiet}
	w.StarvedSince = h.StarvedSince(now)
	w.Starved = schedules.Starved{Policy: cmp.Or(h.starvedTerms().Policy, schedules.GoOn),
		After: schedules.Millis{Duration: h.starvedTerms().Time()}}
	for _, date := range sortedDates(h.Queues) {
		q := h.ValidQueue(date, now)
		if q == nil {
			continue
		}
		for i := range q.Items {
			it := &q.Items[i]
			if it.StartAt.After(now) && len(w.Next) < comingItems {
				w.Next = append(w.Next, Coming{*it.StartAt, it.Window, it.Title, p.cache.Has(it.Audio)})
			}
		}
	}
	return w
}

// Handler serves the local status page, /status.json, /metrics for Prometheus, and /healthz. It serves no secrets, but
// should listen only on a local address.
func (p *Player) Handler() http.Handler {
	mux := http.NewServeMux()
	send := func(w http.ResponseWriter, contentType string, b []byte) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(b) // the reader may be gone
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		alarms := p.problems.Alarms()
		if len(alarms) == 0 {
			send(w, "text/plain", []byte("ok\n"))
			return
		}
		http.Error(w, text.Shown(strings.Join(alarms, "\n")), http.StatusServiceUnavailable)
	})
	mux.HandleFunc("GET /status.json", func(w http.ResponseWriter, _ *http.Request) {
		b, err := json.MarshalIndent(p.Watch(), "", "  ")
		if err != nil {
			http.Error(w, "the status cannot be written", http.StatusInternalServerError)
			return
		}
		send(w, "application/json", b)
	})
	mux.Handle("GET /metrics", figures{p.Watch}.metrics())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		var b bytes.Buffer
		if err := statusPage.Execute(&b, p.Watch()); err != nil {
			http.Error(w, "the status cannot be written", http.StatusInternalServerError)
			return
		}
		send(w, "text/html; charset=utf-8", []byte(text.Shown(b.String())))
	})
	return mux
}

var statusPage = template.Must(template.New("status").Funcs(template.FuncMap{
	"clock": func(i schedules.Instant) string { return i.UTC().Format(time.TimeOnly) },
	"ms":    func(d schedules.Millis) string { return fmt.Sprint(d.Round(time.Millisecond).Milliseconds(), " ms") },
}).Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">
<title>{{.Station}}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fafaf7}
h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid #ddd}
.air{font-size:1.2rem;padding:.6rem 1rem;background:#fff;border-left:.4rem solid {{if .Alarms}}#a11{{else if .Playing}}#2a7d3f{{else}}#999{{end}}}.bad{color:#a11}</style>
<h1>{{.Station}} <small>{{clock .Now}} UTC</small></h1>
{{range .Alarms}}<p class="air bad" role="alert"><b>{{.}}</b>{{end}}
<p class="air">{{if .Lists}}Another player airs by the lists in {{.Lists.Dir}}: {{.Lists.Turns}} items are ready{{if .Lists.Turns}}, until {{clock .Lists.Until}} UTC{{end}}{{else if and .Silent .Playing}}<span class="bad">Playing, but nobody hears it:</span> <b>{{or .Title .Playing}}</b>{{else if .Playing}}On the air: <b>{{or .Title .Playing}}</b> ({{printf "%.1f" .Peak}} dBFS){{else}}Off the air{{end}}</p>
<table>
<tr><th>Queue of today<td>{{if .QueueRevision}}{{.QueueDate}}, revision {{.QueueRevision}}{{else}}<span class="bad">none that is valid</span>{{end}}
<tr><th>Recalls<td>revision {{.RecallsSeen}}
{{if not .LeaseUntil.IsZero}}<tr><th>Lease<td>until {{clock .LeaseUntil}} UTC
{{end}}<tr><th>Service<td>{{if .StarvedSince.IsZero}}signed an answer{{else}}<span class="bad">starved: no signed answer since</span>{{end}} {{clock .HeardAt}} UTC{{if and (not .StarvedSince.IsZero) .Starved.Drops}}; nothing sensitive airs{{end}}
<tr><th>Reports<td>{{if .KeyID}}signed by the station's key {{.KeyID}}{{else}}not signed: this player has no keys of the station: run playout enrol{{end}}
<tr><th>Cover<td>{{printf "%.1f" .CoverHours}} hours without the link
<tr><th>Audio<td>{{.AudioVerified}} verified, {{.AudioMissing}} missing
<tr><th>Clock<td>{{ms .ClockOffset}} against the service
<tr><th>As-run<td>{{.Unsent}} entries still to be reported
{{range .Outputs}}<tr><th>{{.Name}}<td>{{if .Wrong}}<span class="bad">{{.Wrong}}</span>, {{end}}{{.Restarts}} restarts, {{.Dropped}} frames dropped{{if not .Counts}}; does not count as aired{{end}}
{{end}}{{range .Mirrors}}<tr><th>Mirror {{.Address}}<td>{{if eq .State "lies"}}<span class="bad">serves false data: {{.Why}}</span>{{else}}{{or .State "not asked yet"}}{{if .Why}}: {{.Why}}{{end}}{{end}}
{{end}}</table>
{{if .Next}}<h2>Next</h2><table>{{range .Next}}<tr><td>{{clock .StartAt}}<td>{{.Window}}<td>{{.Title}}<td>{{if not .Here}}<span class="bad">not here yet</span>{{end}}{{end}}</table>{{end}}
{{if .Problems}}<h2>Problems of the last day</h2><ul>{{range .Problems}}<li>{{.}}{{end}}</ul>{{end}}
</html>
`))
