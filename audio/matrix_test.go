package audio

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"lifeline/internal/harness/longform"
)

// prove reports whether LIFELINE_PROVE asks for the long form of a test, by its name or by "all".
func prove(name string) bool {
	v := os.Getenv("LIFELINE_PROVE")
	return v == "all" || slices.Contains(strings.Split(v, ","), name)
}

// matrixFile is one way to make an MP3 of the programme.
type matrixFile struct {
	name  string
	lame  []string
	joint bool
	wrap  func([]byte) []byte // adds tags; may be nil
}

var matrixRates = []struct {
	khz      string
	bitrates []int
}{
	{"32", []int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
	{"44.1", []int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
	{"48", []int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
	{"16", []int{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}},
	{"22.05", []int{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}},
	{"24", []int{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}},
	{"11.025", []int{8, 16, 24, 32, 40, 48, 56, 64}},
	{"12", []int{8, 16, 24, 32, 40, 48, 56, 64}},
}

// matrix returns all files: every combination of rate, bitrate and mode, then the other ways of coding, then tags.
func matrix() []matrixFile {
	var m []matrixFile
	add := func(joint bool, wrap func([]byte) []byte, name string, args ...string) {
		m = append(m, matrixFile{strings.TrimSpace(name + " " + strings.Join(args, " ")), args, joint, wrap})
	}
	modes := []string{"m", "s", "j"}
	for _, r := range matrixRates {
		for _, kb := range r.bitrates {
			for _, mode := range modes {
				add(mode == "j", nil, "", "--resample", r.khz, "-m", mode, "-b", strconv.Itoa(kb))
			}
		}
		for _, mode := range modes {
			for _, v := range []string{"0", "4", "9"} {
				add(mode == "j", nil, "", "--resample", r.khz, "-m", mode, "-V", v)
			}
			add(mode == "j", nil, "", "--resample", r.khz, "-m", mode, "--abr", strconv.Itoa(r.bitrates[len(r.bitrates)/2]))
			add(mode == "j", nil, "no tag", "--resample", r.khz, "-m", mode, "-t", "-b",
				strconv.Itoa(r.bitrates[len(r.bitrates)/2]))
			add(mode == "j", nil, "crc", "--resample", r.khz, "-m", mode, "-p", "-b",
				strconv.Itoa(r.bitrates[len(r.bitrates)/2]))
		}
	}
	for name, wrap := range wrappings() {
		add(false, wrap, name, "-m", "s", "-b", "128")
		add(false, wrap, name, "-m", "m", "-b", "32", "--resample", "22.05")
	}
	slices.SortFunc(m, func(a, b matrixFile) int { return strings.Compare(a.name, b.name) })
	return m
}

// wrappings returns the tags that files in practice have.
func wrappings() map[string]func([]byte) []byte {
	frame := func(id string, body string) string {
		n := len(body)
		return id + string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), 0, 0}) + body
	}
	id3 := func(version byte, flags byte, body string) []byte {
		n := len(body)
		return append([]byte{'I', 'D', '3', version, 0, flags, byte(n >> 21), byte(n >> 14 & 127), byte(n >> 7 & 127),
			byte(n & 127)}, body...)
	}
	v23 := id3(3, 0, frame("TIT2", "\x00A title")+frame("TPE1", "\x01\xff\xfeH\x00i\x00")+strings.Repeat("\x00", 300))
	picture := id3(3, 0, frame("APIC", "\x00image/jpeg\x00\x03\x00"+strings.Repeat("\xff\xfb\x90\x64\xff\xd8\xff\xe0",
		9000)))
	v24 := append(id3(4, 0x10, "TIT2\x00\x00\x00\x02\x00\x00\x00x"), "3DI\x04\x00\x10\x00\x00\x00\x0c"...)
	v22 := id3(2, 0, "TT2\x00\x00\x03\x00ab")
	v1 := append([]byte("TAGA title"), make([]byte, 118)...)
	item := "\x02\x00\x00\x00\x00\x00\x00\x00Title\x00hi"
	head := func(flags byte) string {
		return "APETAGEX\xd0\x07\x00\x00" + string([]byte{byte(len(item) + 32), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, flags}) +
			strings.Repeat("\x00", 8)
	}
	ape := []byte(head(0xa0) + item + head(0x80))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	return map[string]func([]byte) []byte{
		"id3v2.2":         func(b []byte) []byte { return join(v22, b) },
		"id3v2.3":         func(b []byte) []byte { return join(v23, b) },
		"id3v2.4 footer":  func(b []byte) []byte { return join(v24, b) },
		"two id3v2":       func(b []byte) []byte { return join(v23, v24, b) },
		"picture":         func(b []byte) []byte { return join(picture, b) },
		"id3v1":           func(b []byte) []byte { return join(b, v1) },
		"ape":             func(b []byte) []byte { return join(b, ape) },
		"ape id3v1":       func(b []byte) []byte { return join(b, ape, v1) },
		"everything":      func(b []byte) []byte { return join(picture, v23, b, ape, v1) },
		"id3v2.4 at tail": func(b []byte) []byte { return join(b, v24) },
	}
}

// sequential decodes all frames of b, including unheard ones, in chunks of the given number of units; 0 means one
// chunk.
func sequential(t testing.TB, b []byte, units int) [2][]float32 {
	t.Helper()
	fr := &framer{scan: NewScanner(bytes.NewReader(b))}
	if err := fr.open(); err != nil {
		t.Fatal(err)
	}
	if units == 0 {
		units = math.MaxInt
	}
	d := newDecoder(fr.asm.format, fr.lock.Channels())
	var out [2][]float32
	var c chunk
	for {
		more, err := fr.fill(&c, units)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return out
		}
		if err := d.decode(&c); err != nil {
			t.Fatal(err)
		}
		for ch := range out {
			out[ch] = append(out[ch], c.pcm[ch]...)
		}
	}
}

// sameChunked fails unless chunks of the given sizes give the same samples as one chunk, bit for bit.
func sameChunked(t testing.TB, b []byte, sizes ...int) {
	t.Helper()
	want := sequential(t, b, 0)
	for _, n := range sizes {
		got := sequential(t, b, n)
		for ch := range got {
			if !slices.Equal(got[ch], want[ch]) {
				t.Errorf("channel %d in chunks of %d units differs from the sequential decode", ch, n)
			}
		}
	}
}

// matrixResult is a row of the table that the long form prints.
type matrixResult struct {
	name              string
	joint             bool
	snr               float64
	loudness, lra, tp float64
}

// checkMatrixFile compares a file with the output of mpg123 and ffmpeg.
func checkMatrixFile(t *testing.T, dir string, m matrixFile) matrixResult {
	path := filepath.Join(dir, strings.NewReplacer(" ", "_", ".", "_").Replace(m.name)+".mp3")
	run(t, "lame", append(append([]string{"--quiet"}, m.lame...), programme(), path)...)
	b := contents(t, path)
	if m.wrap != nil {
		b = m.wrap(b)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := analyse(t, b)
	want := mpg123PCM(t, path)
	got := pcmOf(t, b)
	if n := int64(len(want) / f.Channels); f.Samples != n || int64(len(got)/f.Channels) != n {
		t.Fatalf("%d samples by Analyse, %d by Reader, %d by mpg123", f.Samples, len(got)/f.Channels, n)
	}
	r := matrixResult{name: m.name, joint: m.joint, snr: snr(got, want)}
	// Joint stereo is as accurate, except for short blocks in frames of the highest bitrate, which have no room for the
	// additional bytes that make go-mp3 decode them exactly (see fillShort).
	bar := 68.0
	if m.joint {
		bar = 60
	}
	if r.snr < bar {
		// If ffmpeg disagrees with mpg123, mpg123 is wrong and ffmpeg's output decides.
		other := ffmpegPCM(t, path)
		if len(other) != len(want) || snr(want, other) >= bar {
			t.Errorf("PCM is %.1f dB from mpg123's, want %v or more", r.snr, bar)
		} else if db := snr(got, other); db < bar {
			t.Errorf("PCM is %.1f dB from mpg123's and %.1f dB from ffmpeg's, want %v or more", r.snr, db, bar)
		} else {
			t.Logf("mpg123 and ffmpeg are %.1f dB apart; PCM is %.1f dB from ffmpeg's", snr(want, other), db)
			r.snr = db
		}
	}
	e := ffmpegEBUR(t, path)
	within(t, "integrated loudness", f.IntegratedLUFS, e.integrated, 0.1)
	within(t, "loudness range", f.RangeLU, e.lra, 0.5)
	within(t, "true peak", f.TruePeakDBTP, e.truePeak, 0.3)
	if f.IntegratedLUFS != nil && f.RangeLU != nil && f.TruePeakDBTP != nil {
		r.loudness, r.lra, r.tp = *f.IntegratedLUFS-e.integrated, *f.RangeLU-e.lra, *f.TruePeakDBTP-e.truePeak
	}
	sameChunked(t, b, 1, 7, 100)
	if len(f.Damage.Spots) > 0 || f.Damage.CRCWrong > 0 {
		t.Errorf("damage was found in a whole file: %+v", f.Damage)
	}
	return r
}

// TestMatrixAgreesWithMpg123AndFfmpeg uses every fourteenth file of the matrix, or all files with
// LIFELINE_PROVE=matrix.
func TestMatrixAgreesWithMpg123AndFfmpeg(t *testing.T) {
	longform.Only(t)
	files := matrix()
	if !prove("matrix") {
		var some []matrixFile
		for i := 3; i < len(files); i += 14 {
			some = append(some, files[i])
		}
		files = some
	}
	dir := t.TempDir()
	var mu sync.Mutex
	var results []matrixResult
	t.Run("files", func(t *testing.T) {
		for _, m := range files {
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				r := checkMatrixFile(t, dir, m)
				mu.Lock()
				defer mu.Unlock()
				results = append(results, r)
			})
		}
	})
	summarise(t, results)
}

// summarise logs the worst results.
func summarise(t *testing.T, rs []matrixResult) {
	worst := map[string]matrixResult{}
	keep := func(what string, r matrixResult, worse bool) {
		if _, ok := worst[what]; !ok || worse {
			worst[what] = r
		}
	}
	var plain, joint []float64
	for _, r := range rs {
		if r.joint {
			joint = append(joint, r.snr)
		} else {
			plain = append(plain, r.snr)
		}
		keep("loudness", r, math.Abs(r.loudness) > math.Abs(worst["loudness"].loudness))
		keep("range", r, math.Abs(r.lra) > math.Abs(worst["range"].lra))
		keep("true peak", r, math.Abs(r.tp) > math.Abs(worst["true peak"].tp))
	}
	slices.Sort(plain)
	slices.Sort(joint)
	t.Logf("%d files: %d mono and stereo, %d joint", len(rs), len(plain), len(joint))
	if len(plain) > 0 && len(joint) > 0 {
		t.Logf("SNR mono and stereo: worst %.1f, median %.1f dB; joint: worst %.1f, median %.1f dB", plain[0],
			plain[len(plain)/2], joint[0], joint[len(joint)/2])
	}
	for what, r := range worst {
		t.Logf("worst %s: %s: %+.3f LU, %+.3f LU, %+.3f dB", what, r.name, r.loudness, r.lra, r.tp)
	}
}
