package playlist

import (
	"fmt"
	"strconv"
	"strings"

	"lifeline/internal/text"
	"lifeline/internal/wire"
)

// liq writes one annotate: line for each item, with all that a script needs to air and report it.
func liq(l List) []byte {
	var b strings.Builder
	for _, i := range l.Items {
		b.WriteString(Annotated(i))
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// Annotated returns an item as the URI of a Liquidsoap request. Cues and the fade have the names that cue_cut and
// fade.out read, in seconds; the gain has amplify's. start_ms is an integer, since Liquidsoap's floats cannot hold
// milliseconds since 1970. Fields without a value are left out.
func Annotated(i wire.QueueItem) string {
	fields := []struct{ name, value string }{
		{"item_id", i.ID}, {"segment_id", i.SegmentID}, {"sha256", i.Audio.SHA256},
		{"bytes", strconv.FormatInt(i.Audio.Bytes, 10)},
		{"start_ms", ""}, {"start", string(i.Start)}, {"grace_ms", ""}, {"not_after_ms", ""},
		{"duration_ms", strconv.FormatInt(i.Duration.Milliseconds(), 10)},
		{"liq_cue_in", seconds(i.CueIn)}, {"liq_cue_out", seconds(i.CueOut)}, {"liq_fade_out", seconds(i.FadeOut)},
		{"liq_amplify", strconv.FormatFloat(i.GainDB, 'f', -1, 64) + " dB"},
		{"window", i.Window}, {"position", i.Position}, {"kind", string(i.Kind)}, {"language", i.Language},
		{"title", i.Title}, {"artist", i.Voice},
	}
	if i.StartAt != nil {
		fields[4].value = strconv.FormatInt(i.StartAt.UnixMilli(), 10)
	}
	if i.Grace.Duration > 0 {
		fields[6].value = strconv.FormatInt(i.Grace.Milliseconds(), 10)
	}
	if !i.NotAfter.IsZero() {
		fields[7].value = strconv.FormatInt(i.NotAfter.UnixMilli(), 10)
	}
	var parts []string
	for _, f := range fields {
		if f.value = text.ShownLine(f.value); f.value != "" {
			parts = append(parts, f.name+"="+quoted(f.value))
		}
	}
	return fmt.Sprintf("annotate:%s:%s", strings.Join(parts, ","), address(i))
}

// quoted returns a Liquidsoap string. Liquidsoap 2.1 looks for #{code} after it has removed the escapes, so that no
// escape prevents interpolation; a space between the two characters does.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "#{", "# {").Replace(s) + `"`
}
