package control

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifeline/internal/store"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// Inspector looks through everything that a store holds for what the use cases could not have written: give it every
// document and then every entry, and Finish.
type Inspector struct {
	report  func(problem string)
	network schedules.Network
	library map[string]schedules.Segment
	blobs   map[string]Held
	airs    map[string]string // SHA-256 -> a queue or fallback that airs it
	days    map[string]int64  // latest revision of a rundown by station
	counted map[string]int64
	signers map[string]map[string]int
	last    store.Entry
}

// Held is a blob that documents name.
type Held struct {
	By      string // such as "segment ident-ko"
	Bytes   int64  // 0: not said
	Records bool   // it is a file of records, no recording
}

// NewInspector tells report of each problem.
func NewInspector(report func(problem string)) *Inspector {
	return &Inspector{report: report, library: map[string]schedules.Segment{}, blobs: map[string]Held{}, airs: map[string]string{},
		days: map[string]int64{}, counted: map[string]int64{}, signers: map[string]map[string]int{}}
}

// Document looks at one document by itself.
func (i *Inspector) Document(d store.Document) {
	look, known := i.looks()[d.Kind]
	if !known {
		i.tell(d, "is of a kind that this program does not know")
		return
	}
	if err := look(d); err != nil {
		i.tell(d, "cannot be read: %v", err)
	}
}

// looks are how each kind of document is looked at.
func (i *Inspector) looks() map[string]func(store.Document) error {
	return map[string]func(store.Document) error{
		kindSegment: looking(i.segment), kindStation: looking(i.station), kindClock: looking(i.clock), kindScript: looking(i.script),
		kindCampaign: looking(i.campaign), kindToken: looking(i.token), kindWaveform: i.waveform, kindRundown: looking(i.rundown),
		kindRevision: looking(i.rundown), kindQueue: i.queue, kindCounter: looking(i.counter), kindRecalls: i.recalls,
		kindFallback: i.fallback, kindExplain: looking(i.explanations), kindStatus: looking(i.status),
		kindLink: i.link, kindHead: readable, kindLate: readable, kindMakeGood: readable, kindSettled: readable, kindAnswer: readable,
		kindUpload: looking(i.upload), kindRecords: looking(i.recordFile), kindWebhook: looking(i.webhook), kindProgress: looking(i.progress),
		kindKeys: looking(i.keys),
	}
}

// Entry looks at one entry. They come by station and sequence.
func (i *Inspector) Entry(e store.Entry) {
	say := func(format string, args ...any) {
		i.report(fmt.Sprintf("as-run %d of %s ", e.Sequence, e.Station) + fmt.Sprintf(format, args...))
	}
	if e.Station == i.last.Station && e.Sequence <= i.last.Sequence {
		say("comes after %d", i.last.Sequence)
	}
	i.last = e
	if !slices.ContainsFunc(i.network.Stations, func(s schedules.Station) bool { return s.ID == e.Station }) {
		say("is of a station that is not known")
	}
	r, err := decode[schedules.AsRun](store.Document{Kind: "as-run", ID: e.Station, Body: e.Body})
	switch {
	case err != nil:
		say("cannot be read: %v", err)
	case r.Sequence != e.Sequence:
		say("says of itself that it is %d", r.Sequence)
	case r.Check() != "":
		say("is senseless: %s", r.Check())
	}
}

// Blobs are those that the documents name, by their SHA-256.
func (i *Inspector) Blobs() map[string]Held { return i.blobs }

// Finish looks at what documents say of each other.
func (i *Inspector) Finish() {
	i.network.Segments = func(id string) (schedules.Segment, bool) { s, ok := i.library[id]; return s, ok }
	for _, p := range i.network.Problems() {
		i.report(fmt.Sprintf("network: %s %s", i.named(p.Field), p.Message))
	}
	for _, sha256 := range slices.Sorted(maps.Keys(i.airs)) {
		if h, named := i.blobs[sha256]; !named || h.Records {
			i.report(fmt.Sprintf("%s airs %s, which is the recording of no segment", i.airs[sha256], sha256))
		}
	}
	for _, station := range slices.Sorted(maps.Keys(i.days)) {
		if i.days[station] > i.counted[station] {
			i.report(fmt.Sprintf("station %s has a rundown of revision %d, but counts to %d", station, i.days[station], i.counted[station]))
		}
	}
}

// named puts an id in the place of an index: "stations[3].windows[0]" becomes "station lantern-coast windows[0]".
func (i *Inspector) named(field string) string {
	list, rest, _ := strings.Cut(field, "].")
	var n int
	for name, id := range map[string]func(n int) string{
		"stations": func(n int) string { return i.network.Stations[n].ID }, "clocks": func(n int) string { return i.network.Clocks[n].ID },
		"scripts": func(n int) string { return i.network.Scripts[n].ID }, "campaigns": func(n int) string { return i.network.Campaigns[n].ID },
	} {
		if _, err := fmt.Sscanf(list, name+"[%d", &n); err == nil {
			return strings.TrimSuffix(name, "s") + " " + id(n) + ": " + rest
		}
	}
	return field
}

func (i *Inspector) tell(d store.Document, format string, args ...any) {
	i.report(fmt.Sprintf("%s %s ", d.Kind, d.ID) + fmt.Sprintf(format, args...))
}

// looking decodes a document for a look.
func looking[T any](look func(store.Document, T)) func(store.Document) error {
	return func(d store.Document) error {
		var v T
		if err := json.Unmarshal(d.Body, &v); err != nil {
			return err
		}
		look(d, v)
		return nil
	}
}

// readable asks no more of a document than that it is JSON.
func readable(d store.Document) error {
	var v any
	return json.Unmarshal(d.Body, &v)
}

func (i *Inspector) segment(d store.Document, s schedules.Segment) {
	i.library[s.ID] = s
	i.itself(d, s.ID, s.Revision)
	for _, p := range s.Problems() {
		i.tell(d, "%s %s", p.Field, p.Message)
	}
	if r := s.Recording; r != nil {
		i.blobs[r.SHA256] = Held{By: "segment " + d.ID, Bytes: r.Bytes}
	} else if s.State != schedules.Rejected {
		i.tell(d, "is %s and has no recording", s.State)
	}
	for _, sha256 := range s.Previous {
		if _, named := i.blobs[sha256]; !named {
			i.blobs[sha256] = Held{By: "segment " + d.ID + ", formerly"}
		}
	}
}

func (i *Inspector) station(d store.Document, s schedules.Station) {
	i.itself(d, s.ID, s.Revision)
	i.network.Stations = append(i.network.Stations, s)
}

func (i *Inspector) clock(d store.Document, c schedules.Clock) {
	i.itself(d, c.ID, c.Revision)
	i.network.Clocks = append(i.network.Clocks, c)
}

func (i *Inspector) script(d store.Document, s schedules.Script) {
	i.itself(d, s.ID, s.Revision)
	i.network.Scripts = append(i.network.Scripts, s)
}

func (i *Inspector) campaign(d store.Document, c schedules.Campaign) {
	i.itself(d, c.ID, c.Revision)
	i.network.Campaigns = append(i.network.Campaigns, c)
}

func (i *Inspector) token(d store.Document, t token) {
	wrong := ""
	switch {
	case t.ID != d.ID:
		wrong = fmt.Sprintf("it says that it is %q", t.ID)
	case len(t.Hash) != 64:
		wrong = "its hash is missing or broken off"
	case !slices.Contains(Roles, t.Role):
		wrong = fmt.Sprintf("there is no role %q", t.Role)
	}
	if wrong != "" {
		i.tell(d, "is malformed and lets nobody in: %s. Revoke it and make a new one", wrong)
	}
}

func (i *Inspector) waveform(d store.Document) error {
	_, err := unpackWaveform(d)
	return err
}

func (i *Inspector) rundown(d store.Document, r schedules.Rundown) {
	id := dayID(r.Station, r.Date)
	if d.Kind == kindRevision {
		id = revisionID(r.Station, r.Date, r.Revision)
	}
	if d.ID != id {
		i.tell(d, "says of itself that it is %s", id)
	}
	i.days[r.Station] = max(i.days[r.Station], r.Revision)
}

func (i *Inspector) counter(d store.Document, n int64) { i.counted[d.ID] = n }

func (i *Inspector) queue(d store.Document) error {
	q, err := unseal[wire.Queue](d.Body)
	if err != nil {
		return err
	}
	if id := dayID(q.Value.Station, q.Value.Date); d.ID != id {
		i.tell(d, "says of itself that it is %s", id)
	}
	i.plays(d, slices.Concat(q.Value.Items, q.Value.Fallback))
	return i.signed(d)
}

func (i *Inspector) fallback(d store.Document) error {
	f, err := unseal[wire.Fallback](d.Body)
	if err != nil {
		return err
	}
	if d.ID != f.Value.Station {
		i.tell(d, "says of itself that it is %s", f.Value.Station)
	}
	i.plays(d, f.Value.Items)
	return i.signed(d)
}

func (i *Inspector) plays(d store.Document, items []wire.QueueItem) {
	for _, item := range items {
		i.airs[item.Audio.SHA256] = cmp.Or(i.airs[item.Audio.SHA256], d.Kind+" "+d.ID)
	}
}

func (i *Inspector) recalls(d store.Document) error {
	_, err := unseal[wire.Recalls](d.Body)
	return cmp.Or(err, i.signed(d))
}

func (i *Inspector) explanations(store.Document, []schedules.Explanation) {}

func (i *Inspector) status(d store.Document, s wire.Status) {
	if s.Station != d.ID {
		i.tell(d, "says of itself that it is %s", s.Station)
	}
}

func (i *Inspector) upload(d store.Document, u Upload) {
	if u.ID != d.ID {
		i.tell(d, "says of itself that it is %s", u.ID)
	}
	for _, p := range u.Parts {
		if _, named := i.blobs[p.SHA256]; !named && u.DoneAt.IsZero() {
			i.blobs[p.SHA256] = Held{By: "upload " + d.ID, Bytes: p.Bytes}
		}
	}
}

func (i *Inspector) webhook(d store.Document, w webhook) {
	if w.ID != d.ID {
		i.tell(d, "says of itself that it is %s", w.ID)
	}
	if len(w.Salt) == 0 {
		i.tell(d, "has no salt for its secret, so that nobody can check what it is sent. Give it a new secret")
	}
}

func (i *Inspector) keys(d store.Document, k SigningKeys) {
	if !slices.ContainsFunc(k.Keys, func(key SigningKey) bool { return key.ID == k.Current }) {
		i.tell(d, "says that %q signs, which is none of its keys", k.Current)
	}
}

// Signers are the ids of the keys that signed, and how many documents of each kind each signed.
func (i *Inspector) Signers() map[string]map[string]int { return i.signers }

// signed notes who signed a document.
func (i *Inspector) signed(d store.Document) error {
	signer, err := signerOf(d.Body)
	if i.signers[signer] == nil {
		i.signers[signer] = map[string]int{}
	}
	i.signers[signer][d.Kind]++
	return err
}

func (i *Inspector) link(d store.Document) error {
	_, err := OpenLink(d.Body)
	return cmp.Or(err, i.signed(d))
}

func (i *Inspector) progress(store.Document, progress) {}

func (i *Inspector) recordFile(d store.Document, f recordFile) {
	i.blobs[f.SHA256] = Held{By: "records " + d.ID, Bytes: f.Bytes, Records: true}
}

// itself compares what a document says of itself with where it stands.
func (i *Inspector) itself(d store.Document, id string, revision int64) {
	if id != d.ID || revision != d.Revision {
		i.tell(d, "says of itself that it is %s at revision %d", id, revision)
	}
}
