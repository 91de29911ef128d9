// Command audio compares lifeline/audio with alternatives, in one run on one machine, and prints the results. Only
// their ratios are valid on other machines.
//
//	go run ./internal/bench/audio            # speed, and the wait after the last uploaded byte
//	go run ./internal/bench/audio -memory 10 # ten hours of MP3 in bounded memory
//
// It needs espeak-ng, sox, lame, ffmpeg and python3. It makes its own audio: ten minutes of speech over music, as 44.1
// kHz stereo at 128 kb/s and as 24 kHz mono at 48 kb/s.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/hajimehoshi/go-mp3"

	"lifeline/audio"
)

func main() {
	rounds := flag.Int("rounds", 5, "how often everything is measured; medians are printed")
	memory := flag.Int("memory", 0, "analyse so many hours and print the memory that it took")
	flag.Parse()
	if err := bench(*rounds, *memory); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func bench(rounds, hours int) (err error) {
	dir, err := os.MkdirTemp("", "lifeline-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := makeFiles(dir)
	if err != nil {
		return err
	}
	if hours > 0 {
		return measureMemory(files[0], hours)
	}
	for _, f := range files {
		if err := compare(f, rounds); err != nil {
			return err
		}
		if err := upload(f, rounds); err != nil {
			return err
		}
	}
	return nil
}

// file is an MP3 of ten minutes.
type file struct {
	name, path string
	bytes      []byte
}

const length = 10 * time.Minute

func makeFiles(dir string) ([]file, error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	const text = "The appeal goes out tonight across the closed border. Nobody shall be forgotten. The sea remembers " +
		"every name."
	steps := [][]string{
		{"espeak-ng", "-s", "150", "-w", at("speech.wav"), text},
		{"sox", "-R", "-M", "|sox -R " + at("speech.wav") + " -r 48000 -p gain -4",
			"|sox -R -n -r 48000 -p synth 7 pluck A2 pluck E3 pluck C4 remix - gain -12",
			at("short.wav"), "remix", "1,2v0.4", "1v0.8,2v0.7"},
		{"sox", at("short.wav"), at("long.wav"), "repeat", "99", "trim", "0", "600"},
		{"lame", "--quiet", "-m", "s", "-b", "128", "--resample", "44.1", at("long.wav"), at("stereo.mp3")},
		{"lame", "--quiet", "-m", "m", "-b", "48", "--resample", "24", at("long.wav"), at("mono.mp3")},
	}
	for _, s := range steps {
		if out, err := exec.Command(s[0], s[1:]...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", s[0], err, out)
		}
	}
	files := []file{{name: "44.1 kHz stereo, 128 kb/s", path: at("stereo.mp3")}, {name: "24 kHz mono, 48 kb/s",
		path: at("mono.mp3")}}
	for i := range files {
		b, err := os.ReadFile(files[i].path)
		if err != nil {
			return nil, err
		}
		files[i].bytes = b
	}
	return files, nil
}

// contender is a program or package under test.
type contender struct {
	name string
	run  func() error
}

// compare times all contenders in turn, so that a change of load affects all of them. It repeats runs during which
// other processes were busy, up to a limit, and prints the quietest runs.
func compare(f file, rounds int) error {
	command := func(args ...string) func() error {
		return func() error { return exec.Command(args[0], args[1:]...).Run() }
	}
	contenders := []contender{
		{"analysis on all cores", func() error { return analyse(f, 0) }},
		{"analysis on one worker", func() error { return analyse(f, 1) }},
		{"go-mp3, bare decode", func() error { return bare(f) }},
		{"ffmpeg, ebur128 with peaks + silencedetect + volumedetect", command("ffmpeg", "-v", "error", "-i", f.path,
			"-af", "ebur128=peak=true+sample,silencedetect,volumedetect", "-f", "null", "-")},
		{"LibreTime's commands: python3 with mutagen, ffprobe, silencedetect, replaygain, liquidsoap", func() error {
			for _, c := range []func() error{
				command("/usr/bin/python3", "-c", "import json, logging, subprocess, pathlib, datetime, sys, hashlib, mutagen\n"+
					"hashlib.md5(open(sys.argv[1], 'rb').read()).hexdigest()\nmutagen.File(sys.argv[1], easy=True)", f.path),
				command("ffprobe", "-i", f.path, "-show_entries", "format=duration", "-v", "quiet", "-of", "csv=p=0"),
				command("ffmpeg", "-i", f.path, "-vn", "-filter", "silencedetect=noise=0.15:duration=1", "-f", "null", "-"),
				command("ffprobe", "-i", f.path),
				command("ffmpeg", "-i", f.path, "-vn", "-filter", "replaygain", "-f", "null", "-"),
				command("liquidsoap", "-v", "-c", "output.dummy(audio_to_stereo(single(argv(1))))", "--", f.path),
			} {
				if err := c(); err != nil {
					return err
				}
			}
			return nil
		}},
	}
	cores := runtime.GOMAXPROCS(0)
	timings := make([][]timing, len(contenders))
	for round := range patience * rounds {
		for i, c := range contenders {
			if round >= rounds && quietRuns(timings[i]) >= rounds {
				continue
			}
			t, err := timed(cores, c.run)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			timings[i] = append(timings[i], t)
		}
	}
	fmt.Printf("\nTen minutes of %s; medians of %d runs on %d cores\n", f.name, rounds, cores)
	clock, cpu := make([]time.Duration, len(contenders)), make([]time.Duration, len(contenders))
	for i, c := range contenders {
		best := quietest(timings[i], rounds)
		clock[i], cpu[i] = medians(best)
		fmt.Printf("%7.2f s, %7.1f x real time, %6.2f x the analysis's time; %6.2f s of processor; others took up to "+
			"%2.0f%%  %s\n",
			clock[i].Seconds(), length.Seconds()/clock[i].Seconds(), clock[i].Seconds()/clock[0].Seconds(), cpu[i].Seconds(),
			100*best[len(best)-1].others, c.name)
	}
	fmt.Printf("analysis / (bare decode / %d cores) = %.3f by the clock, %.3f by processor time; the bar is 1.25\n", cores,
		clock[0].Seconds()*float64(cores)/clock[2].Seconds(), cpu[0].Seconds()/cpu[2].Seconds())
	return nil
}

func analyse(f file, workers int) error {
	_, err := audio.Analyse(context.Background(), bytes.NewReader(f.bytes), audio.Options{Workers: workers})
	return err
}

// bare decodes with go-mp3 alone, without its scan for seeking.
func bare(f file) error {
	d, err := mp3.NewDecoder(struct{ io.Reader }{bytes.NewReader(f.bytes)})
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, d)
	return err
}

// upload measures the wait for the facts after the last byte, when the bytes arrive at 8 Mbit/s.
func upload(f file, rounds int) error {
	for _, share := range []int{10, 1} {
		var waits []time.Duration
		for range min(rounds, 3) {
			r := &link{b: f.bytes[:len(f.bytes)/share], start: time.Now()}
			if _, err := audio.Analyse(context.Background(), r, audio.Options{}); err != nil {
				return err
			}
			waits = append(waits, time.Since(r.last))
		}
		fmt.Printf("%8.3f s from the last byte to the facts, %v uploaded at 8 Mbit/s\n", median(waits).Seconds(),
			length/time.Duration(share))
	}
	return nil
}

// link delivers bytes at 8 Mbit/s at most, and records when the last one was read.
type link struct {
	b     []byte
	n     int
	start time.Time
	last  time.Time
}

func (l *link) Read(b []byte) (int, error) {
	if len(l.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 16<<10)], l.b)
	l.b, l.n = l.b[n:], l.n+n
	time.Sleep(time.Until(l.start.Add(time.Duration(l.n) * time.Second / 1e6)))
	l.last = time.Now()
	return n, nil
}
