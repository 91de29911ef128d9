package audio

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"lifeline/internal/harness/longform"
)

func TestFactsAgreeWithIndependentTools(t *testing.T) {
	for _, args := range [][]string{
		{"-b", "128", "-m", "s"}, {"-b", "320"}, {"-V", "2"}, {"--abr", "96"}, {"-b", "64", "-m", "m", "--resample", "24"},
		{"-b", "32", "-m", "m", "--resample", "22.05"}, {"-b", "24", "-m", "m", "--resample", "11.025"},
		{"-b", "64", "-m", "s", "--resample", "12"},
	} {
		path := encode(t, programme(), args...)
		f := analyse(t, contents(t, path))
		pcm := mpg123PCM(t, path)
		if want := int64(len(pcm) / f.Channels); f.Samples != want {
			t.Errorf("%v: %d samples, mpg123 has %d", args, f.Samples, want)
		}
		want := ffmpegEBUR(t, path)
		within(t, "integrated loudness", f.IntegratedLUFS, want.integrated, 0.1)
		within(t, "loudness range", f.RangeLU, want.lra, 0.5)
		within(t, "true peak", f.TruePeakDBTP, want.truePeak, 0.3)
		within(t, "sample peak", f.SamplePeakDBFS, want.samplePeak, 0.3)
	}
}

func TestDecodesMonoAndStereoAsMpg123(t *testing.T) {
	for _, args := range [][]string{
		{"-b", "128", "-m", "s"}, {"-b", "320", "-m", "s"}, {"-b", "160", "-m", "s", "--resample", "22.05"},
		{"-b", "32", "-m", "m", "--resample", "22.05"}, {"-b", "48", "-m", "m", "--resample", "24"}, {"-b", "24", "-m", "m",
			"--resample", "11.025"},
	} {
		path := encode(t, programme(), args...)
		got, want := pcmOf(t, contents(t, path)), mpg123PCM(t, path)
		if len(got) != len(want) {
			t.Errorf("%v: %d values, mpg123 has %d", args, len(got), len(want))
			continue
		}
		if db := snr(got, want); db < 68 {
			t.Errorf("%v: %.1f dB from mpg123, want 68 or more", args, db)
		}
	}
}

func TestFactsDoNotDependOnHowBytesArriveOrOnWorkers(t *testing.T) {
	b := contents(t, encode(t, programme(), "-V", "4"))
	want := analyse(t, b)
	sum := sha256.Sum256(b)
	if want.SHA256 != hex.EncodeToString(sum[:]) || want.Bytes != int64(len(b)) {
		t.Errorf("hash %s and %d bytes are not the file's", want.SHA256, want.Bytes)
	}
	for _, workers := range []int{1, 3} {
		for name, r := range map[string]io.Reader{
			"byte by byte": iotest.OneByteReader(bytes.NewReader(b)), "data with EOF": iotest.DataErrReader(bytes.NewReader(b)),
		} {
			got, err := Analyse(context.Background(), r, Options{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if d := diff(want, got); d != "" {
				t.Errorf("%d workers, %s: %s", workers, name, d)
			}
		}
	}
}

func TestReaderErrorsAndCancellationArePassedOn(t *testing.T) {
	defer goleak.VerifyNone(t)
	b := contents(t, encode(t, programme(), "-b", "64"))
	cut := io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(io.ErrClosedPipe))
	if _, err := Analyse(context.Background(), cut, Options{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("err = %v, want the reader's", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Analyse(ctx, bytes.NewReader(b), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want the context's", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	late := Options{Progress: func(n int64) {
		if n > int64(len(b))/2 {
			cancel()
		}
	}}
	if _, err := Analyse(ctx, iotest.HalfReader(bytes.NewReader(b)), late); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want the context's", err)
	}
	_, err := Analyse(context.Background(), bytes.NewReader(b), Options{MaxDuration: time.Second})
	var r *Rejection
	if !errors.As(err, &r) || r.Code != RejectTooLong {
		t.Errorf("err = %v, want %s", err, RejectTooLong)
	}
}

func TestProgressGrowsToTheFileSize(t *testing.T) {
	b := contents(t, encode(t, programme(), "-b", "64"))
	var last int64
	_, err := Analyse(context.Background(), bytes.NewReader(b), Options{Progress: func(n int64) {
		if n < last {
			t.Errorf("progress went from %d to %d", last, n)
		}
		last = n
	}})
	if err != nil || last != int64(len(b)) {
		t.Errorf("progress ended at %d of %d, %v", last, len(b), err)
	}
}

func TestSeekGivesTheSamplesThatReadingGives(t *testing.T) {
	longform.Only(t)
	for _, args := range [][]string{
		{"-b", "128"}, {"-V", "5"}, {"-b", "8", "-m", "s", "--resample", "24"}, {"-b", "32", "-m", "m", "--resample",
			"22.05"}, {"-b", "320", "-t"},
	} {
		b := contents(t, encode(t, programme(), args...))
		r := sameAfterSeeks(t, b, pcmOf(t, b))
		buf := make([]float32, 100)
		if err := r.SeekTo(r.Samples()); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Read(buf); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%v: read %d, %v at the end", args, n, err)
		}
	}
}

// sameAfterSeeks fails unless reading from positions all over the file gives the samples of want at those positions. It
// returns the Reader.
func sameAfterSeeks(t testing.TB, b []byte, want []float32) *Reader {
	t.Helper()
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	ch := r.Channels()
	buf := make([]float32, 5000*ch)
	for i := range 25 {
		at := rnd.Int64N(r.Samples())
		if i < 3 {
			at = int64(i)
		}
		if err := r.SeekTo(at); err != nil {
			t.Fatal(err)
		}
		n, err := r.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if wantN := min(5000, int(r.Samples()-at)); n != wantN {
			t.Fatalf("%d frames at %d, want %d", n, at, wantN)
		}
		if part := want[int(at)*ch:][:n*ch]; !slices.Equal(buf[:n*ch], part) {
			t.Fatalf("the samples after seeking to %d are not those that reading gives", at)
		}
	}
	return r
}
