package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lifeline/internal/record"
)

// Census registers figures that are computed from the replica at every scrape: segments by state, the status of each
// station, for how long the first delivery to each webhook has been waiting, or all have failed, and for how long each
// background job has failed.
func (f *Figures) Census(take func() record.Census, lags, failing, jobs func() map[string]time.Duration) {
	f.registry.MustRegister(&census{take: take, lags: lags, failing: failing, jobs: jobs,
		failed: prometheus.NewDesc("lifeline_webhook_failing_seconds", "For how long deliveries to a webhook have "+
			"failed, given up or not; 0 while they do not.", []string{"webhook"}, nil),
		lag: prometheus.NewDesc("lifeline_webhook_lag_seconds", "For how long the first change that a webhook was "+
			"not told of has been waiting.", []string{"webhook"}, nil),
		segments: prometheus.NewDesc("lifeline_segments", "Segments, by state.", []string{"state"}, nil),
		sequence: prometheus.NewDesc("lifeline_feed_sequence", "The last change that the copy in memory holds.", nil, nil),
		queues:   prometheus.NewDesc("lifeline_queues", "Published days that are in memory.", nil, nil),
		cover: prometheus.NewDesc("lifeline_station_cover_hours", "How long a station said it can air as planned "+
			"without the link.", []string{"station"}, nil),
		contact: prometheus.NewDesc("lifeline_station_last_contact_seconds",
			"When a station last said how it stands, since 1970.", []string{"station"}, nil),
		missing: prometheus.NewDesc("lifeline_station_audio_missing", "Recordings that a station lacks.",
			[]string{"station"}, nil),
		offset: prometheus.NewDesc("lifeline_station_clock_offset_seconds", "Its clock minus ours.", []string{"station"},
			nil),
		standing: prometheus.NewDesc("lifeline_station_standing_problems", "What stands against a station in its "+
			"definitions and published days, by code.", []string{"station", "code"}, nil),
		ahead: prometheus.NewDesc("lifeline_station_published_hours", "For how many hours from now on every window of a "+
			"station is published.", []string{"station"}, nil),
		published: prometheus.NewDesc("lifeline_station_queue_behind", "1 while a station holds an older revision of its "+
			"day than the published one.", []string{"station"}, nil),
		alarms: prometheus.NewDesc("lifeline_station_alarms", "What a station said is wrong with it and needs a person.",
			[]string{"station"}, nil),
		silent: prometheus.NewDesc("lifeline_station_silent", "1 while a station said that an item is on the air and that "+
			"nothing is heard.", []string{"station"}, nil),
		job: prometheus.NewDesc("lifeline_job_failing_seconds", "For how long a background job has failed; 0 while it does "+
			"not.", []string{"work"}, nil),
	})
}

type census struct {
	take                                                                   func() record.Census
	lags, failing, jobs                                                    func() map[string]time.Duration
	segments, sequence, queues, cover, contact, missing, offset, published *prometheus.Desc
	lag, failed, standing, ahead, alarms, silent, job                      *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *census) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector.
func (c *census) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	now := c.take()
	for state, n := range now.Segments {
		gauge(c.segments, float64(n), string(state))
	}
	gauge(c.sequence, float64(now.Sequence))
	gauge(c.queues, float64(now.Queues))
	for id, lag := range c.lags() {
		gauge(c.lag, lag.Seconds(), id)
	}
	for id, lasts := range c.failing() {
		gauge(c.failed, lasts.Seconds(), id)
	}
	for work, lasts := range c.jobs() {
		gauge(c.job, lasts.Seconds(), work)
	}
	for station, codes := range now.Problems {
		for code, n := range codes {
			gauge(c.standing, float64(n), station, code)
		}
	}
	for station, d := range now.Published {
		gauge(c.ahead, d.Hours(), station)
	}
	for _, s := range now.Stations {
		gauge(c.cover, s.CoverHours, s.Station)
		gauge(c.contact, float64(s.ReceivedAt.UnixMilli())/1000, s.Station)
		gauge(c.missing, float64(s.AudioMissing), s.Station)
		gauge(c.offset, s.ClockOffset.Seconds(), s.Station)
		gauge(c.published, one(s.PublishedRevision > s.QueueRevision), s.Station)
		gauge(c.alarms, float64(len(s.Alarms)), s.Station)
		gauge(c.silent, one(s.Playing != "" && s.PeakDBFS == nil), s.Station)
	}
}

// one returns 1 for what is so, and 0 otherwise.
func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
