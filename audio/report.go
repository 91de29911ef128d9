package audio

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

const reportColumns = 72

// Report writes the facts for a terminal of 80 columns: a small waveform above the cue points, then the figures, then
// the warnings. It fails with w's error.
func Report(w io.Writer, f Facts) error {
	var b strings.Builder
	writeWave(&b, f)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	if f.Tags.Title != "" || f.Tags.Artist != "" {
		row("tags", "%s", strings.Trim(f.Tags.Artist+" - "+f.Tags.Title, " -"))
	}
	row("duration", "%s (%d samples)", timeText(f.Duration), f.Samples)
	row("format", "MPEG %s Layer III, %d Hz, %s, %d kb/s %s", f.MPEG, f.SampleRate, [...]string{"", "mono",
		"stereo"}[min(f.Channels, 2)], f.BitrateKbps, f.BitrateMode)
	row("loudness", "%s LUFS, range %s LU", level(f.IntegratedLUFS), level(f.RangeLU))
	row("loudest", "%s LUFS short-term, %s LUFS momentary", level(f.MaxShortTermLUFS), level(f.MaxMomentaryLUFS))
	row("peaks", "%s dBTP true, %s dBFS sample", level(f.TruePeakDBTP), level(f.SamplePeakDBFS))
	row("cues", "in %s, out %s", timeText(f.CueIn), timeText(f.CueOut))
	if n := len(f.Silences); n > 0 {
		row("silences", "%d, the first %s to %s", n, timeText(f.Silences[0].Start), timeText(f.Silences[0].End))
	}
	row("sha-256", "%s", f.SHA256)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, warning := range f.Warnings {
		fmt.Fprintf(&b, "! %s\n", warning.Message)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// level formats a measured value, or a dash if it could not be measured.
func level(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *v)
}

// writeWave draws the waveform in four lines of block characters, with eight steps per line, and a line that marks the
// cues.
func writeWave(b *strings.Builder, f Facts) {
	const rows, steps = 4, 8
	heights := columns(f.Waveform, reportColumns, rows*steps)
	for r := rows - 1; r >= 0; r-- {
		for _, h := range heights {
			b.WriteRune([]rune(" ▁▂▃▄▅▆▇█")[max(0, min(steps, h-r*steps))])
		}
		b.WriteByte('\n')
	}
	marks := []byte(strings.Repeat("-", len(heights)))
	if f.Duration > 0 && len(marks) > 0 {
		place := func(share float64) int { return max(0, min(len(marks)-1, int(share*float64(len(marks))))) }
		marks[place(float64(f.CueIn)/float64(f.Duration))] = '['
		marks[place(float64(f.CueOut)/float64(f.Duration))] = ']'
	}
	b.Write(marks)
	b.WriteByte('\n')
}

// columns reduces a waveform to n heights from 0 to full. A column with any sound has a height of at least one.
func columns(w Waveform, n, full int) []int {
	out := make([]int, n)
	pixels := w.Pixels()
	for i := range out {
		peak := 0
		for p := i * pixels / n; p < max((i+1)*pixels/n, i*pixels/n+1) && p < pixels; p++ {
			peak = max(peak, -int(w.Data[2*p]), int(w.Data[2*p+1]))
		}
		out[i] = (peak*full + 127) / 128
	}
	return out
}
