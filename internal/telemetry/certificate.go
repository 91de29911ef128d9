package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Certificate registers the expiry of the service's certificate, read at every scrape. It is absent until ends knows
// it.
func (f *Figures) Certificate(ends func() time.Time) {
	f.registry.MustRegister(certificate{ends, prometheus.NewDesc("lifeline_certificate_ends_timestamp_seconds",
		"When the TLS certificate ends that the service shows, in seconds since 1970.", nil, nil)})
}

type certificate struct {
	ends func() time.Time
	desc *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c certificate) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

// Collect implements prometheus.Collector.
func (c certificate) Collect(out chan<- prometheus.Metric) {
	if ends := c.ends(); !ends.IsZero() {
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(ends.Unix()))
	}
}
