// Command load compares the service with nginx, and measures it with a crowd of waiting stations, on one machine in one
// run. Only ratios are valid on other machines.
//
//	go run ./internal/bench/load              # rates beside nginx, then 5,000 long polls and 5,000 streams
//	go run ./internal/bench/load -part rates
//	go run ./internal/bench/load -part crowd -polls 500 -streams 500
//
// It needs nginx and wrk (apt-get install nginx-light wrk), and runs from the module's root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"lifeline/schedules"
)

// options are the sizes of the measurements.
type options struct {
	rounds       int
	round        time.Duration
	connections  int
	polls        int
	streams      int
	publications int
	binary       string
}

func main() {
	var o options
	part := flag.String("part", "", "rates, crowd, or empty for both")
	flag.IntVar(&o.rounds, "rounds", 5, "of each server, in turns; medians are printed")
	flag.DurationVar(&o.round, "round", 5*time.Second, "length of a round")
	flag.IntVar(&o.connections, "connections", 64, "that ask at once")
	flag.IntVar(&o.polls, "polls", 5000, "connections that wait by long poll")
	flag.IntVar(&o.streams, "streams", 5000, "connections on the change stream")
	flag.IntVar(&o.publications, "publications", 7, "that the crowd waits for, in each form")
	flag.StringVar(&o.binary, "lifeline", "", "the program, if it is built already")
	bare := flag.String("bare", "", "serve the file by a bare net/http handler instead; internal")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *bare != "" {
		err = serveBare(ctx, *bare)
	} else {
		err = bench(ctx, o, *part)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, o options, part string) (err error) {
	for _, tool := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing: apt-get install nginx-light wrk", tool)
		}
	}
	if err := enoughFiles(o.polls + o.streams); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lifeline-load")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.binary == "" {
		o.binary = filepath.Join(dir, "lifeline")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", o.binary,
			"./cmd/lifeline").CombinedOutput(); err != nil {
			return fmt.Errorf("build: %w\n%s", err, out)
		}
	}
	fmt.Printf("%s %s/%s, %d processors, load before: %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), loadAverage())
	h := &house{binary: o.binary, dir: dir, day: schedules.DateOf(time.Now().UTC()).AddDays(7)}
	defer func() { err = errors.Join(err, h.stop()) }()
	if err := h.furnish(ctx); err != nil {
		return err
	}
	if part != "crowd" {
		if err := rates(ctx, h, o); err != nil {
			return err
		}
	}
	if part == "rates" {
		return nil
	}
	return crowds(ctx, h, o)
}

// enoughFiles fails if this process or the service may not open so many connections. Go raises the soft limit itself.
func enoughFiles(connections int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if need := uint64(connections + 500); limit.Max < need {
		return fmt.Errorf("%d open files are needed and the hard limit is %d: raise it (ulimit -Hn %d), or ask for fewer "+
			"with -polls and -streams", need, limit.Max, need)
	}
	return nil
}
