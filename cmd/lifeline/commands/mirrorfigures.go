package commands

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lifeline/internal/cmdline"
)

// pushFigures tell how the pushes to mirrors go, for Prometheus and for /healthz.
type pushFigures struct {
	registry *prometheus.Registry
	last     *prometheus.GaugeVec
	failing  *prometheus.GaugeVec

	targets []string

	mu    sync.Mutex
	told  bool             // the push that runs came to a target
	wrong map[string]error // by target; "" is the service
}

func newPushFigures(targets []string) *pushFigures {
	f := &pushFigures{registry: prometheus.NewRegistry(), targets: targets, wrong: map[string]error{},
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lifeline_mirror_pushed_timestamp_seconds",
			Help: "When the mirror was last pushed to, in seconds since 1970; 0 means not since the start."}, []string{"target"}),
		failing: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "lifeline_mirror_push_failing",
			Help: "Whether the last push to the mirror failed."}, []string{"target"})}
	f.registry.MustRegister(f.last, f.failing)
	for _, target := range targets {
		f.last.WithLabelValues(target).Set(0)
		f.failing.WithLabelValues(target).Set(0)
	}
	return f
}

// tell records the outcome of a push to a target.
func (f *pushFigures) tell(target string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = true
	delete(f.wrong, "")
	if err != nil {
		f.wrong[target] = err
		f.failing.WithLabelValues(target).Set(1)
		return
	}
	delete(f.wrong, target)
	f.failing.WithLabelValues(target).Set(0)
	f.last.WithLabelValues(target).SetToCurrentTime()
}

// done ends a push that did not fail.
func (f *pushFigures) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = false
}

// failed records that a push failed. One that came to no target counts as failed for all of them.
func (f *pushFigures) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told {
		f.told = false
		return
	}
	f.wrong[""] = err
	for _, target := range f.targets {
		f.failing.WithLabelValues(target).Set(1)
	}
}

// serve serves /metrics and /healthz at an address until end is called.
func (f *pushFigures) serve(address string) (end func(), err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, cmdline.Listening(err, address, "--listen")
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(f.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", f.health)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(l) }() // ends by Close
	return func() { _ = server.Close() }, nil
}

// health answers 200 while all pushes succeed.
func (f *pushFigures) health(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.wrong) == 0 {
		fmt.Fprintln(w, "ok")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for target, err := range f.wrong {
		fmt.Fprintf(w, "%s: %s\n", target, cmdline.Words(err))
	}
}
