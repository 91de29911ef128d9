package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lifeline/internal/reserve"
)

// roomTimeout bounds the time to read the free space.
const roomTimeout = 3 * time.Second

// Room registers the free space for documents, which is read at every scrape.
func (f *Figures) Room(look func(context.Context) (reserve.State, error)) {
	f.registry.MustRegister(&room{look: look,
		free: prometheus.NewDesc("lifeline_room_free_bytes", "Room where the documents are, beside what is kept for what "+
			"is urgent.", nil, nil),
		kept: prometheus.NewDesc("lifeline_room_reserve_bytes", "Room that is kept for what is urgent: recalls, "+
			"publications, reports, tokens.", nil, nil),
		want: prometheus.NewDesc("lifeline_room_reserve_wanted_bytes", "Room that should be kept for what is urgent.", nil,
			nil),
	})
}

type room struct {
	look             func(context.Context) (reserve.State, error)
	free, kept, want *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (r *room) Describe(out chan<- *prometheus.Desc) {
	out <- r.free
	out <- r.kept
	out <- r.want
}

// Collect implements prometheus.Collector.
func (r *room) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), roomTimeout)
	defer cancel()
	state, err := r.look(ctx)
	if err != nil { // the store's own metrics show the failure
		return
	}
	for desc, v := range map[*prometheus.Desc]int64{r.free: state.Free, r.kept: state.Held, r.want: state.Size} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(v))
	}
}
