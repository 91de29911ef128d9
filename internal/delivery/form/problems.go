package form

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lifeline/internal/fault"
	"lifeline/schedules"
)

// Check fails with Invalid, and names every wrong field, unless files can be made and named by the contract.
func (c Contract) Check() error {
	p := &problems{}
	if !schedules.ValidID(c.ID) {
		p.add("id", "must be 1 to 63 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit")
	}
	if !schedules.ValidID(c.Station) {
		p.add("station", "must be the id of a station")
	}
	if c.Window != "" && !schedules.ValidID(c.Window) {
		p.add("window", "must be the id of a window, or nothing for all windows of the station")
	}
	p.line("broadcaster", c.Broadcaster)
	p.line("programme", c.Programme)
	p.coding(c.Audio)
	p.length(c.Length)
	p.level(c.Level)
	p.naming(c)
	if c.Parts < 0 || c.Parts > maxParts {
		p.add("parts", "must be from 1 to %d", maxParts)
	}
	p.sidecars(c)
	p.metadata(c)
	p.lateness(c)
	return fault.Fields(p.list...)
}

// The bounds of a contract.
const (
	maxParts    = 99
	maxLead     = 62 * 24 * time.Hour
	maxSilence  = 10 * time.Minute
	maxList     = 20
	usualLength = 100 // characters of a name
	mostLength  = 200
)

type problems struct{ list []fault.Field }

func (p *problems) add(field, format string, args ...any) {
	p.list = append(p.list, fault.Field{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (p *problems) line(field, s string) {
	bad := strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError })
	if bad || utf8.RuneCountInString(s) > schedules.MaxLine {
		p.add(field, "must be one line of at most %d characters", schedules.MaxLine)
	}
}

func (p *problems) span(field string, d schedules.Millis, most time.Duration) {
	if d.Duration < 0 || d.Duration > most {
		p.add(field, "must be from 0 to %d", most.Milliseconds())
	}
}

// bitrates are the bit rates that decoders must know (ISO/IEC 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3), in kb/s.
func (c Coding) bitrates() []int {
	switch {
	case c.Rate < 32_000:
		return []int{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	case c.Codec == MP3:
		return []int{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	case c.Channels == 1: // layer II allows some bit rates for one channel alone, and others for two alone
		return []int{32, 48, 56, 64, 80, 96, 112, 128, 160, 192}
	}
	return []int{64, 96, 112, 128, 160, 192, 224, 256, 320, 384}
}

func (p *problems) coding(c Coding) {
	rates := []int{16_000, 22_050, 24_000, 32_000, 44_100, 48_000}
	switch c.Codec {
	case MP3, MP2:
	case WAV, FLAC:
		rates = append(rates, 88_200, 96_000)
		if c.Kbps != 0 || c.Joint {
			p.add("audio.bitrate_kbps", "has no meaning for %s, nor has joint_stereo", c.Codec)
		}
	default:
		p.add("audio.codec", "%q is not known: use mp3, mp2, wav or flac", c.Codec)
		return
	}
	if c.Channels != 1 && c.Channels != 2 {
		p.add("audio.channels", "must be 1 or 2")
		return
	}
	if c.Joint && c.Channels == 1 {
		p.add("audio.joint_stereo", "needs two channels")
	}
	if !slices.Contains(rates, c.Rate) {
		p.add("audio.sample_rate", "must be one of %s", numbers(rates))
		return
	}
	if most := c.bitrates(); c.Codec.Lossy() && !slices.Contains(most, c.Kbps) {
		p.add("audio.bitrate_kbps", "must be one of %s, for %s of %d channels at %d Hz", numbers(most), c.Codec,
			c.Channels, c.Rate)
	}
}

func numbers(n []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(n), " ", ", "), "[]") }

func (p *problems) length(l Length) {
	p.span("length.shorter_ms", l.Shorter, maxSilence)
	p.span("length.lead_in_ms", l.LeadIn, maxSilence)
	p.span("length.tail_ms", l.Tail, maxSilence)
}

func (p *problems) level(l Level) {
	if l.Target != nil && !(*l.Target >= -40 && *l.Target <= -5) {
		p.add("level.target_lufs", "must be from -40 to -5")
	}
	if l.Peak != nil && !(*l.Peak >= -20 && *l.Peak <= 0) {
		p.add("level.peak_dbtp", "must be from -20 to 0")
	}
	if !(l.Tolerance >= 0 && l.Tolerance <= 10) || l.Tolerance > 0 && l.Target == nil {
		p.add("level.tolerance_lu", "must be from 0 to 10, and needs target_lufs")
	}
}

func (p *problems) naming(c Contract) {
	n, before := c.Naming, len(p.list)
	if _, err := schedules.Zone(n.Zone); err != nil {
		p.add("naming.timezone", "%q is not a time zone: write an IANA name such as Asia/Seoul, or UTC", n.Zone)
	}
	if n.Longest < 0 || n.Longest > mostLength {
		p.add("naming.longest", "must be from 1 to %d, or nothing for %d", mostLength, usualLength)
	}
	t, err := ParseTemplate(n.Template)
	if err != nil {
		p.add("naming.template", "cannot be used: %v", err)
		return
	}
	if t.has("broadcaster") && c.Broadcaster == "" {
		p.add("broadcaster", "must not be empty, since the template of names has {broadcaster}")
	}
	if t.has("programme") && c.Programme == "" {
		p.add("programme", "must not be empty, since the template of names has {programme}")
	}
	switch {
	case n.Static && c.Evergreen == "":
		p.add("evergreen", "must name a segment: a file under a static name that stays after its airing is aired again")
	case n.Static && (t.timed() || t.has("revision")):
		p.add("naming.static", "has no meaning where the template has {date}, {time}, {utc}, {weekday} or {revision}")
	case !n.Static && !t.dated():
		p.add("naming.template", "must name the day with its year, as {date:yyyyMMdd} does: two airings would have one name. "+
			"Where the site wants one name for all, say static")
	}
	if t.runsOn() {
		p.add("naming.template", "must have something between {revision} and {window} or {frequency}, such as '-'")
	}
	if c.PartsOf() > 1 && !t.has("part") {
		p.add("naming.template", "must have {part}, since each airing has %d files", c.PartsOf())
	}
	if len(p.list) > before {
		return
	}
	a := Occasion{Station: c.Station, Window: cmp.Or(c.Window, "w"), StartAt: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		FrequencyKHz: 26_100, Part: c.PartsOf(), Revision: 1}
	if _, err := c.FileName(a); err != nil {
		p.add("naming.template", "makes no name for this contract: %v", err)
	}
}

var endingForm = regexp.MustCompile(`^\.[A-Za-z0-9]{1,16}$`)

func (p *problems) sidecars(c Contract) {
	if len(c.Sidecars) > maxList {
		p.add("sidecars", "has %d entries: at most %d are taken", len(c.Sidecars), maxList)
		return
	}
	file := "x." + string(c.Audio.Codec)
	names := map[string]bool{file: true, file + Part: true, file + Aside: true}
	for i, s := range c.Sidecars {
		field := fmt.Sprintf("sidecars[%d]", i)
		if _, known := usualEndings[s.Kind]; !known {
			p.add(field+".kind", "%q is not known: use sha256, md5, json, rundown or trigger", s.Kind)
			continue
		}
		if s.Ending != "" && !endingForm.MatchString(s.Ending) {
			p.add(field+".ending", "must be a point and up to 16 letters and digits, such as .ok")
			continue
		}
		name := strings.ToLower(s.Name(file))
		if names[name] {
			p.add(field+".ending", "makes the name of another file of the delivery, or of one that is not whole yet")
		}
		names[name], names[name+Part], names[name+Aside] = true, true, true
	}
	triggers := 0
	for _, s := range c.Sidecars {
		if s.Kind == Trigger {
			triggers++
		}
	}
	if triggers > 1 {
		p.add("sidecars", "has %d triggers: one says that the file is whole", triggers)
	}
}

func (p *problems) metadata(c Contract) {
	of := map[Metadata]Codec{BWF: WAV, Cart: WAV, ID3: MP3}
	for i, m := range c.Metadata {
		field := fmt.Sprintf("metadata[%d]", i)
		switch codec, known := of[m]; {
		case !known:
			p.add(field, "%q is not known: use bext, cart or id3", m)
		case codec != c.Audio.Codec:
			p.add(field, "is %s, which only %s files carry", m, codec)
		case slices.Contains(c.Metadata[:i], m):
			p.add(field, "is there twice")
		case m != ID3 && !ascii(c.Broadcaster+c.Programme):
			p.add(field, "is %s, which holds Latin letters without accents alone: write broadcaster and programme so", m)
		}
	}
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func (p *problems) lateness(c Contract) {
	p.span("deadline_ms", c.Deadline, maxLead)
	p.span("retention_ms", c.Retention, 10*maxLead)
	switch c.WhenLate {
	case "", AirsLast, AirsSilence, AirsEvergreen:
		if c.Stream != "" {
			p.add("stream", "has a meaning only where when_late is stream")
		}
	case AirsStream:
		if u, err := url.Parse(c.Stream); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			p.add("stream", "must be an address with http or https")
		}
	default:
		p.add("when_late", "%q is not known: use last, silence, stream or evergreen", c.WhenLate)
	}
	if c.Evergreen != "" && !schedules.ValidID(c.Evergreen) {
		p.add("evergreen", "must be the id of a segment")
	}
	if len(c.Contacts) > maxList {
		p.add("contacts", "has %d entries: at most %d are taken", len(c.Contacts), maxList)
		return
	}
	for i, who := range c.Contacts {
		field := fmt.Sprintf("contacts[%d]", i)
		p.line(field+".name", who.Name)
		p.line(field+".phone", who.Phone)
		p.line(field+".mail", who.Mail)
		p.line(field+".hours", who.Hours)
		if who.Name == "" || who.Phone == "" && who.Mail == "" {
			p.add(field, "must have a name, and a phone or a mail address")
		}
	}
	if len(c.Runbook) > 20_000 {
		p.add("runbook", "has more than 20000 bytes")
	}
}
