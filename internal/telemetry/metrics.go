package telemetry

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"lifeline/schedules/zonedata"
)

// Figures holds the service's metrics, in their own registry.
type Figures struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	waiting  *prometheus.GaugeVec
	store    *prometheus.HistogramVec
	failed   *prometheus.CounterVec
	changes  *prometheus.CounterVec
	asRun    *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	webhooks *prometheus.CounterVec
	foreign  prometheus.Gauge
}

// NewFigures returns Figures with the metrics of the process.
func NewFigures() *Figures {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lifeline_" + name, Help: help}, labels)
	}
	f := &Figures{
		registry: prometheus.NewRegistry(),
		requests: counter("http_requests_total", "Requests answered, by route template.", "route", "method", "status"),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lifeline_http_request_seconds",
			Help:    "Time until a request was answered, waiting included.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60}}, []string{"route"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lifeline_waiters",
			Help: "Requests that wait for a change: long polls and streams."}, []string{"kind"}),
		store: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lifeline_store_seconds",
			Help:    "Time that the store took.",
			Buckets: []float64{.0005, .002, .01, .05, .2, 1, 5}}, []string{"operation"}),
		failed: counter("store_failures_total", "Operations of the store that failed for a reason of its own.",
			"operation"),
		changes: counter("changes_total", "Commits, by what was done: plans, publications, recalls, uploads and the rest.",
			"action"),
		asRun: counter("as_run_entries_total", "As-run entries: fresh, or repeated.", "result"),
		bytes: counter("audio_bytes_total", "Bytes of audio stored, or opened to be read.", "direction"),
		webhooks: counter("webhook_attempts_total", "Deliveries to webhooks that were tried: delivered, or failed.",
			"result"),
		foreign: prometheus.NewGauge(prometheus.GaugeOpts{Name: "lifeline_store_foreign_objects",
			Help: "Triggers, views, tables and indexes that the database had otherwise than the programs make them."}),
	}
	f.registry.MustRegister(f.requests, f.took, f.waiting, f.store, f.failed, f.changes, f.asRun, f.bytes,
		f.webhooks, f.foreign, collectors.NewBuildInfoCollector(), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	zones := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lifeline_zone_data_info",
		Help: "Version of the time zone data by which the times of windows are computed."}, []string{"version"})
	zones.WithLabelValues(zonedata.Present().Version).Set(1)
	f.registry.MustRegister(zones)
	for _, kind := range []string{"poll", "stream"} {
		f.waiting.WithLabelValues(kind)
	}
	for counter, results := range map[*prometheus.CounterVec][]string{f.webhooks: {"delivered", "failed"},
		f.asRun: {"fresh", "repeated"}, f.bytes: {"in", "out"}} {
		for _, result := range results { // a rate needs the 0 before the first
			counter.WithLabelValues(result)
		}
	}
	return f
}

// Delivery counts one delivery attempt to a webhook.
func (f *Figures) Delivery(failed bool) {
	result := "delivered"
	if failed {
		result = "failed"
	}
	f.webhooks.WithLabelValues(result).Inc()
}

// Foreign counts an object of the database that is not as the programs make it.
func (f *Figures) Foreign() { f.foreign.Inc() }

// Handler serves the metrics.
func (f *Figures) Handler() http.Handler {
	return promhttp.HandlerFor(f.registry, promhttp.HandlerOpts{DisableCompression: true})
}

// plain are the labels whose values are the program's own words.
var plain = []string{"route", "method", "status", "kind", "operation", "action", "result", "direction", "state", "le",
	"quantile", "version", "work"}

// OpenHandler serves the metrics for everybody: without those that have a station, a webhook or anything else that
// people name.
func (f *Figures) OpenHandler() http.Handler {
	named := func(m *dto.Metric) bool {
		return slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool { return !slices.Contains(plain, l.GetName()) })
	}
	gather := func() ([]*dto.MetricFamily, error) {
		all, err := f.registry.Gather()
		for _, family := range all {
			family.Metric = slices.DeleteFunc(family.Metric, named)
		}
		return slices.DeleteFunc(all, func(family *dto.MetricFamily) bool { return len(family.Metric) == 0 }), err
	}
	return promhttp.HandlerFor(prometheus.GathererFunc(gather), promhttp.HandlerOpts{DisableCompression: true})
}

// Request counts one response. route is a template, or empty for an unknown path: names that callers choose must not
// become labels.
func (f *Figures) Request(route, method string, status int, took time.Duration) {
	if route == "" {
		route, method = "none", "any"
	}
	f.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	f.took.WithLabelValues(route).Observe(took.Seconds())
}

// Waiting counts waiting clients by kind: poll or stream. done ends the wait.
func (f *Figures) Waiting(kind string) (done func()) {
	g := f.waiting.WithLabelValues(kind)
	g.Inc()
	return g.Dec
}
