package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Certificate tells, at every look, when the service's certificate ends; nothing before ends knows.
func (f *Figures) Certificate(ends func() time.Time) {
	f.registry.MustRegister(certificate{ends, prometheus.NewDesc("lifeline_certificate_ends_timestamp_seconds",
		"When the TLS certificate ends that the service shows, in seconds since 1970.", nil, nil)})
}

type certificate struct {
	ends func() time.Time
	desc *prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (c certificate) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect is part of prometheus.Collector.
func (c certificate) Collect(out chan<- prometheus.Metric) {
	if ends := c.ends(); !ends.IsZero() {
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(ends.Unix()))
	}
}
