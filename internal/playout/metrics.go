package playout

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// figures is a Prometheus collector of the station's state at the time of the scrape.
type figures struct{ watch func() Watch }

// metrics returns a handler that serves the figures.
func (f figures) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(f, collectors.NewBuildInfoCollector())
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// gauges are the figures of the station as a whole.
var gauges = []struct {
	desc  *prometheus.Desc
	value func(Watch) float64
}{
	{figure("on_air", "Whether an item is on the air."), func(w Watch) float64 {
		if w.Playing != "" {
			return 1
		}
		return 0
	}},
	{figure("queue_revision", "Revision of today's valid queue, 0 without one."),
		func(w Watch) float64 { return float64(w.QueueRevision) }},
	{figure("recalls_revision", "Revision of the recall list."),
		func(w Watch) float64 { return float64(w.RecallsSeen) }},
	{figure("audio_verified", "Recordings hashed since the start."),
		func(w Watch) float64 { return float64(w.AudioVerified) }},
	{figure("audio_missing", "Recordings of the queues held that are not here yet."),
		func(w Watch) float64 { return float64(w.AudioMissing) }},
	{figure("cover_seconds", "How long everything airs as planned without the link."),
		func(w Watch) float64 { return w.CoverHours * 3600 }},
	{figure("clock_offset_seconds", "The station's clock minus the service's."),
		func(w Watch) float64 { return w.ClockOffset.Seconds() }},
	{figure("clock_set_seconds", "By which the service has set the station's time in all, from the machine's own."),
		func(w Watch) float64 { return w.ClockSet.Seconds() }},
	{figure("unheard_seconds", "How long ago the service last signed an answer."),
		func(w Watch) float64 { return w.Unheard.Seconds() }},
	{figure("starved", "Whether the service has signed no answer for longer than the station's definition allows."),
		func(w Watch) float64 {
			if w.StarvedSince.IsZero() {
				return 0
			}
			return 1
		}},
	{figure("output_peak_dbfs", "Peak of the last second that went out."), Watch.Peak},
	{figure("as_run_unsent", "As-run entries that the service has not acknowledged."),
		func(w Watch) float64 { return float64(w.Unsent) }},
	{figure("certificate_ends_timestamp_seconds", "When the service's TLS certificate ends, in seconds since 1970; 0 "+
		"without one."), func(w Watch) float64 {
		if w.CertificateEnds.IsZero() {
			return 0
		}
		return float64(w.CertificateEnds.Unix())
	}},
	{figure("lists_ready_seconds", "How long the files last by which another program's player airs; 0 without lists."),
		func(w Watch) float64 {
			if w.Lists == nil || w.Lists.Turns == 0 {
				return 0
			}
			return w.Lists.Until.Sub(w.Now.Time).Seconds()
		}},
	{figure("alarms", "Things that are wrong now and need a person."),
		func(w Watch) float64 { return float64(len(w.Alarms)) }},
	{figure("problems", "Things refused or failed in the last day."),
		func(w Watch) float64 { return float64(len(w.Problems)) }},
}

// The counters of each output.
var (
	restarts = figure("output_restarts_total", "How often the output failed.", "output")
	dropped  = figure("output_dropped_frames_total", "Frames that the output was too slow for.", "output")
)

// The figures of each mirror.
var (
	mirrorUsable  = figure("mirror_current", "Whether the mirror serves the newest pointer.", "mirror")
	mirrorForging = figure("mirror_lies", "Whether the mirror serves what no push put there, or nothing new for too long.",
		"mirror")
)

func figure(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("lifeline_playout_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (f figures) Describe(ch chan<- *prometheus.Desc) {
	for _, g := range gauges {
		ch <- g.desc
	}
	ch <- restarts
	ch <- dropped
	ch <- mirrorUsable
	ch <- mirrorForging
}

// Collect implements prometheus.Collector. It adds up outputs with equal names, because Prometheus accepts each name
// once.
func (f figures) Collect(ch chan<- prometheus.Metric) {
	w := f.watch()
	for _, g := range gauges {
		ch <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value(w))
	}
	whether := map[bool]float64{true: 1}
	for _, m := range w.Mirrors {
		ch <- prometheus.MustNewConstMetric(mirrorUsable, prometheus.GaugeValue, whether[m.State == mirrorCurrent], m.Address)
		ch <- prometheus.MustNewConstMetric(mirrorForging, prometheus.GaugeValue, whether[m.State == mirrorForges], m.Address)
	}
	again, lost := map[string]int64{}, map[string]int64{}
	for _, o := range w.Outputs {
		again[o.Name] += o.Restarts
		lost[o.Name] += o.Dropped
	}
	for name := range again {
		ch <- prometheus.MustNewConstMetric(restarts, prometheus.CounterValue, float64(again[name]), name)
		ch <- prometheus.MustNewConstMetric(dropped, prometheus.CounterValue, float64(lost[name]), name)
	}
}
