package audio

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"
)

// measurement consumes the chunks of a file in order and measures the heard parts.
type measurement struct {
	line    timeline
	samples int   // per frame
	decoded int64 // samples so far
	heard   int64
	refused []spot // by the decoder
	view    [][]float32

	blocks   *blocker
	loudness *loudness
	truePeak *truePeak
	levels   *levels
	silences *silences
	cues     *cues
	outline  *outline
}

func newMeasurement(h Header, line timeline) *measurement {
	ch := h.Channels()
	weights := []float64{1, 1}[:ch]
	m := &measurement{
		line: line, samples: h.Samples(), view: make([][]float32, ch),
		loudness: newLoudness(h.SampleRate, weights...),
		truePeak: newTruePeak(h.SampleRate, ch),
		levels:   newLevels(ch),
		silences: newSilences(h.SampleRate),
		cues:     &cues{}, outline: newOutline(h.SampleRate),
	}
	m.blocks = newBlocker(h.SampleRate, ch, m.measure)
	return m
}

// measure passes one block to every analyser.
func (m *measurement) measure(b *block) {
	m.loudness.add(b)
	m.truePeak.add(b)
	m.levels.add(b)
	m.silences.add(b)
	m.cues.add(b)
	m.outline.add(b)
}

// add measures a decoded chunk.
func (m *measurement) add(c *chunk) {
	for _, s := range c.muted {
		m.refused = joinSpot(m.refused, s)
	}
	n := int64(len(c.pcm[0]))
	for _, s := range m.line.heard(m.decoded, m.decoded+n) {
		for ch := range m.view {
			m.view[ch] = c.pcm[ch][s.from-m.decoded : s.to-m.decoded]
		}
		m.blocks.add(m.view)
		m.heard += s.to - s.from
	}
	m.decoded += n
}

// facts ends the measurement and returns its results.
func (m *measurement) facts(fr *framer, in *meteredReader) (Facts, error) {
	m.blocks.flush()
	m.truePeak.finish()
	h := fr.lock
	f := Facts{
		SHA256: hex.EncodeToString(in.sum.Sum(nil)), Bytes: in.n, ContentType: "audio/mpeg",
		Samples: m.heard, SampleRate: h.SampleRate, Channels: h.Channels(),
		MPEG:    map[mpegVersion]string{mpeg1: "1", mpeg2: "2", mpeg25: "2.5"}[h.Version],
		Encoder: fr.info.encoder, Delay: fr.info.delay, Padding: fr.info.padding,
	}
	f.Duration = samplesTime(f.Samples, f.SampleRate)
	f.BitrateKbps, f.BitrateMode = fr.bitrate()
	m.damage(fr, &f)
	if f.Samples == 0 || f.Damage.Frames == f.Damage.TotalFrames {
		return Facts{}, reject(RejectNoAudio, "No frame of this MP3 can be decoded: export it again.")
	}
	if lost := f.Damage.Frames; lost > f.Damage.TotalFrames/2 {
		return Facts{}, reject(RejectDamaged, "%d of %d frames of this MP3 cannot be decoded: export it again, or send a "+
			"copy that is whole.", lost, f.Damage.TotalFrames)
	}
	m.warnStream(fr, &f)
	m.loudness.facts(&f)
	m.truePeak.facts(&f)
	m.levels.facts(&f)
	m.silences.facts(&f)
	m.cues.facts(&f)
	m.outline.facts(&f)
	f.Tags = readTags(&fr.scan.tags)
	return f, nil
}

// bitrate returns the bitrate in kb/s, or the mean if it varies, and the mode.
func (fr *framer) bitrate() (int, string) {
	mode := "vbr"
	if fr.info.method == 2 || fr.info.method == 9 {
		mode = "abr"
	}
	if len(fr.rates) == 1 {
		for rate := range fr.rates {
			return rate, "cbr"
		}
	}
	seconds := float64(fr.frames) * float64(fr.lock.Samples()) / float64(fr.lock.SampleRate)
	return int(math.Round(float64(fr.bytes) * 8 / 1000 / seconds)), mode
}

// damage collects the parts that are not heard as recorded.
func (m *measurement) damage(fr *framer, f *Facts) {
	d := Damage{
		TotalFrames: fr.frames, CRCChecked: fr.crcSeen, CRCWrong: fr.crcWrong, Truncated: fr.scan.truncated,
	}
	at := func(unit int64) time.Duration {
		return samplesTime(m.line.audible(unit*int64(m.samples)), f.SampleRate)
	}
	for _, s := range mergeSpots(fr.spots, m.refused) {
		d.Frames += s.units
		d.SkippedBytes += s.bytes
		start := at(s.first)
		d.Spots = append(d.Spots, Spot{Kind: string(s.why), Offset: s.offset, Bytes: s.bytes, At: start,
			Length: at(s.first+s.units) - start})
	}
	f.Damage = d
	if len(d.Spots) > 0 {
		first := d.Spots[0]
		f.warn(WarnDamage, first.At, "The file is damaged in %d places, first at %s: %d of %d frames are heard as silence "+
			"and %d bytes were skipped. Upload a copy that is whole.",
			len(d.Spots), timeText(first.At), d.Frames, d.TotalFrames, d.SkippedBytes)
	}
	if d.CRCWrong > 0 {
		f.warn(WarnCRC, 0, "%d of %d frames do not fit their check word: the file was changed after encoding.", d.CRCWrong,
			d.CRCChecked)
	}
	if d.Truncated {
		f.warn(WarnTruncated, f.Duration, "The file ends in the middle of a frame, as a broken transfer leaves it: upload "+
			"it again.")
	}
	if want := fr.info.frames; want > fr.frames {
		f.warn(WarnFrameCount, f.Duration, "The file announces %d frames but has %d: its end is missing.", want, fr.frames)
	}
}

// mergeSpots merges two lists in the order of their units.
func mergeSpots(a, b []spot) []spot {
	var out []spot
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].first <= b[0].first {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}

// warnStream adds warnings about anomalies of the stream that listeners may hear.
func (m *measurement) warnStream(fr *framer, f *Facts) {
	at := func(unit int64) time.Duration {
		return samplesTime(m.line.audible(unit*int64(m.samples)), f.SampleRate)
	}
	if n := fr.scan.leading + fr.scan.trailing; n > 0 {
		f.warn(WarnJunk, 0, "Beside the audio the file holds %s neither audio nor tags.", bytesThatAre(n))
	}
	if j := fr.scan.joins; len(j) > 0 && j[0] <= fr.lastOffset {
		f.warn(WarnJoined, 0, "This was put together from several files, which may click or pause where they meet: join "+
			"them before encoding.")
	}
	if len(fr.changes) > 0 {
		f.warn(WarnChannelChange, at(fr.changes[0]), "The file changes between mono and stereo at %s; it is heard as %s.",
			timeText(at(fr.changes[0])),
			[...]string{"", "mono", "stereo"}[f.Channels])
	}
	if fr.intensity > 0 {
		f.warn(WarnIntensity, 0, "%d frames use intensity stereo, which is decoded with part of the right channel missing: "+
			"encode with joint stereo without intensity.", fr.intensity)
	}
}

// warn adds a warning.
func (f *Facts) warn(code string, at time.Duration, format string, args ...any) {
	f.Warnings = append(f.Warnings, Warning{Code: code, Message: fmt.Sprintf(format, args...), At: at})
}

// seconds formats a duration in seconds.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// bytesThatAre formats a number of bytes with its verb.
func bytesThatAre(n int64) string {
	if n == 1 {
		return "1 byte that is"
	}
	return fmt.Sprintf("%d bytes that are", n)
}
