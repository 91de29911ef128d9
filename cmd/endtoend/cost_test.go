package endtoend

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lifeline/internal/harness/longform"
	"lifeline/internal/openapi/conform"
	"lifeline/internal/wire"
)

// The bounds of one request.
const (
	mostProcessor = time.Second
	mostGrowth    = 64 << 20 // bytes of memory beyond the request's own
)

// The test sends every operation of the OpenAPI document bodies, queries and headers that are deep, wide, long or
// repeated. None takes more than a second of the processor or 64 MiB beyond its own length, none is a failure of the
// service, and none beyond a bound is accepted. Each operation is sent by a token or a session of an administrator, and
// none is left out. LIFELINE_PROVE=cost sends 20,000, or as many as LIFELINE_INPUTS says.
func TestNoHostileRequestCostsMuchMoreThanItself(t *testing.T) {
	longform.Only(t)
	requests, seed := 300, seedOr(t, 1)
	if os.Getenv("LIFELINE_PROVE") == "cost" {
		requests = 20_000
		if n, err := strconv.Atoi(os.Getenv("LIFELINE_INPUTS")); err == nil {
			requests = n
		}
	}
	cfg := serveDefaults(furnish(t))
	cfg.Webhooks = []string{"127.0.0.0/24"}
	h := start(t, cfg)
	d := newDriver(h, seed)
	d.secrets["session"] = h.session("p-admin", "admin")
	h.asksToForgetPersons("letter-ko-sister", "x")
	h.asksToErase("testimony-en-driver")
	for name, path := range map[string]string{"change": "/v1/waiting", "erasure": "/v1/erasures",
		"passkey": "/v1/passkeys"} {
		var page wire.Page[struct{ ID string }]
		h.do("GET", path, d.secrets["session"], nil, nil).into(t, &page)
		d.known[name] = []any{page.Items[0].ID, "none"}
	}
	costs := &costs{driver: d, statuses: map[int]int{}, sent: map[string]int{}}
	with := slices.DeleteFunc(slices.Clone(d.operations), func(o endpoint) bool { return o.RequestBody == nil })
	for n := range requests {
		d.operation = d.operations[n/4%len(d.operations)]
		switch {
		case n < len(d.operations):
			d.operation = d.operations[n]
		case n%4 > 0:
			d.operation = with[n%len(with)]
		}
		costs.one()
		if t.Failed() && costs.wrong > 20 {
			t.Fatal("and so on")
		}
	}
	for _, o := range d.operations {
		if costs.sent[o.ID] == 0 {
			t.Errorf("%s was sent nothing", o.ID)
		}
	}
	t.Log(costs.told(requests, seed))
}

// costs are those of all requests.
type costs struct {
	*driver
	statuses map[int]int
	sent     map[string]int // by operation
	over     int            // beyond a bound
	times    []time.Duration
	growths  []int64 // upper bounds, unless they are above mostGrowth
	slowest  string
	largest  string
	wrong    int
}

// one sends a hostile request of the current operation.
func (c *costs) one() {
	g, o := c.generate, c.operation
	r := request{method: strings.ToUpper(o.method), query: url.Values{}, header: map[string]string{}}
	c.fillParameters(&r, "admin", 10)
	how, over := "no body", false
	if o.RequestBody != nil {
		how, over = c.hostileBody(&r)
	}
	if g.Chance(0.3) || o.RequestBody == nil {
		how += ", " + c.hostileParameter(&r)
	}
	took, growth, a := c.measured(r)
	c.sent[o.ID]++
	what := fmt.Sprintf("%s %s %s: %s: %d, %s, %d KiB", o.ID, r.method, r.path, how, a.status, took, growth>>10)
	if over {
		c.over++
	}
	c.statuses[a.status]++
	if len(c.times) == 0 || took > slices.Max(c.times) {
		c.slowest = what
	}
	if len(c.growths) == 0 || growth > slices.Max(c.growths) {
		c.largest = what
	}
	c.times, c.growths = append(c.times, took), append(c.growths, growth)
	if took > mostProcessor || growth > mostGrowth || over && a.status < 400 || a.status >= 500 && !excused(a.status) {
		c.wrong++
		c.h.t.Errorf("%s %.300s", what, a.body)
	}
}

// excused reports whether a status says that a part of the service is away, which is the test's own doing.
func excused(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusInsufficientStorage
}

func (c *costs) hostileBody(r *request) (how string, over bool) {
	b := c.operation.RequestBody
	mediaType := conform.Pick(c.generate, slices.Sorted(maps.Keys(b.Content)))
	schema := b.Content[mediaType].Schema
	most := b.MaxBytes
	if most == 0 {
		most = 1 << 20
	}
	r.header["Content-Type"] = mediaType
	switch {
	case mediaType == "multipart/form-data":
		meta := c.contract.Resolve(schema)["properties"].(map[string]any)["meta"].(map[string]any)
		h := c.generate.Hostile(meta, most)
		const line = "x1y2z3"
		r.header["Content-Type"] = mediaType + "; boundary=" + line
		r.body = fmt.Appendf(nil, "--%s\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n%s\r\n--%[1]s--\r\n", line,
			h.Body)
		return h.How, h.Over
	case opaque(mediaType):
		r.body = []byte(strings.Repeat("\xff\xfb\x90\x00", 50_000))
		return "bytes", false
	}
	h := c.generate.Hostile(schema, most)
	r.body = h.Body
	return h.How, h.Over
}

// hostileParameter makes one parameter or header of a request hostile.
func (c *costs) hostileParameter(r *request) string {
	g := c.generate
	headers := map[string]string{"If-None-Match": strings.Repeat(`"1",`, 10_000),
		"Range":  "bytes=" + strings.Repeat("0-0,", 10_000) + "1-1",
		"Accept": strings.Repeat("text/html;q=0.1,", 2000), "Accept-Encoding": strings.Repeat("gzip;q=0,", 5000),
		"Idempotency-Key": strings.Repeat("k", 40_000),
		"Upload-Metadata": strings.Repeat("a YQ==,", 5000), "Last-Event-ID": strings.Repeat("9", 40_000),
		"Content-Encoding": "gzip", "If-Match": strings.Repeat("9", 40_000),
		"Upload-Length": strings.Repeat("9", 40_000), "Cookie": strings.Repeat("a=b; ", 5000)}
	if g.Chance(0.4) {
		name := conform.Pick(g, slices.Sorted(maps.Keys(headers)))
		r.header[name] = headers[name]
		return "a long " + name
	}
	names := []string{"unknown"}
	for _, p := range c.operation.Parameters {
		if p.In == "query" && p.Name != "wait" {
			names = append(names, p.Name)
		}
	}
	name := conform.Pick(g, names)
	value := conform.Pick(g, []string{strings.Repeat("x ", 10_000), strings.Repeat("9", 20_000),
		strings.Repeat("[", 20_000), "0001-01-01", "9999-12-31", "1970-01-01T00:00:00Z", strings.Repeat("\u20ac", 5000),
		"500", strings.Repeat("a.*", 5000)})
	r.query.Set(name, value)
	if g.Chance(0.2) {
		r.query[name] = slices.Repeat([]string{value[:1]}, 10_000)
	}
	return fmt.Sprintf("%s=%.20s", name, value)
}

// measured sends a request and returns what it cost. The growth is what was allocated while it ran, or, if that is
// above the bound, the peak of what was in use while it ran once more.
func (c *costs) measured(r request) (took time.Duration, growth int64, a answer) {
	secret := c.secrets["admin"]
	if slices.Contains(strings.Fields(bySession), c.operation.ID) || c.generate.Chance(0.2) {
		secret = c.secrets["session"]
	}
	processor, allocated := processorTime(c.h.t), allocations()
	a = c.send(r, secret)
	took, growth = processorTime(c.h.t)-processor, allocations()-allocated-int64(len(r.body))
	if growth <= mostGrowth {
		return took, max(0, growth), a
	}
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	before := inUse()
	end, peak := make(chan struct{}), make(chan int64)
	go func() {
		highest := before
		for {
			select {
			case <-end:
				peak <- max(highest, inUse())
				return
			default:
				highest = max(highest, inUse())
				runtime.Gosched()
			}
		}
	}()
	c.send(r, secret)
	close(end)
	return took, <-peak - before - int64(len(r.body)), a
}

func processorTime(t testing.TB) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func allocations() int64 { return metric("/gc/heap/allocs:bytes") }
func inUse() int64       { return metric("/memory/classes/heap/objects:bytes") }

func metric(name string) int64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// told describes the costs of all requests.
func (c *costs) told(requests int, seed uint64) string {
	sort.Slice(c.times, func(i, j int) bool { return c.times[i] < c.times[j] })
	slices.Sort(c.growths)
	var statuses []string
	for _, status := range slices.Sorted(maps.Keys(c.statuses)) {
		statuses = append(statuses, fmt.Sprintf("%d: %d", status, c.statuses[status]))
	}
	at := func(share float64) int { return int(share * float64(len(c.times)-1)) }
	return fmt.Sprintf("%d requests of %d operations, seed %d, %d beyond a bound; %s\nprocessor: half within %s, 99 of 100 "+
		"within %s, all within %s\ngrowth: half within %d KiB, 99 of 100 within %d KiB, all within %d KiB\nslowest: %s\n"+
		"largest: %s", requests, len(c.operations), seed, c.over, strings.Join(statuses, ", "), c.times[at(0.5)],
		c.times[at(0.99)], c.times[at(1)], c.growths[at(0.5)]>>10, c.growths[at(0.99)]>>10, c.growths[at(1)]>>10, c.slowest,
		c.largest)
}
