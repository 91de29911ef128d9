package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"lifeline/schedules"
)

// titles has words for titles by language, in scripts with and without spaces.
var titles = map[string]struct{ words, space string }{
	"ko-KP":    {"호소문 대목 편지 강가의 겨울 어머니 국경 소식 증언 목소리 등불 첫째 마지막 이름들을 기억하며 바다 건너 고향 노래 아침 방송 새벽 기다림 눈밭 아이들에게 돌아오는 길", " "},
	"ko-KR":    {"안내 말씀 저녁 뉴스 해설 주파수 변경 음악 산책 오늘의 편지 다시 듣는 이야기 평양에서 온 사람", " "},
	"cmn-Hans": {"呼吁 信 祖母 边境 河流 名字 灯 等待 冬天 孩子 消息 证词 回家 声音", ""},
	"ja":       {"手紙 冬の川 ふるさと 名前 ラジオ 知らせ 国境 母 歌", ""},
	"ru":       {"Письмо сестре река зима граница новости голос дорога домой", " "},
	"ar":       {"رسالة إلى النهر الشتاء الحدود الأخبار صوت الطريق", " "},
	"en": {"Letter River Winter Border News Voice Road Home Testimony Lamp Children Morning Snowfield Interpreter " +
		"Driver Grandmother", " "},
}

// spoken are the languages of a library; common ones occur several times.
var spoken = strings.Fields("ko-KP ko-KP ko-KP ko-KP ko-KP ko-KR ko-KR cmn-Hans cmn-Hans ja ru ar en en zxx")

// Segments returns the n segments of an invented library, ordered by id and the same at every call: in many languages,
// with facts like those of analyses. Ids and kinds are not correlated.
func Segments(n int) iter.Seq[schedules.Segment] {
	return func(yield func(schedules.Segment) bool) {
		dice := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			if !yield(segment(i, dice)) {
				return
			}
		}
	}
}

func segment(i int, dice *rand.Rand) schedules.Segment {
	pick := func(from []string) string { return from[dice.IntN(len(from))] }
	chance := func(percent int) bool { return dice.IntN(100) < percent }
	language := pick(spoken)
	s := schedules.Segment{ID: fmt.Sprintf("%06d-%s-%s", i, schedules.Kinds[dice.IntN(len(schedules.Kinds))],
		strings.ToLower(language)),
		Revision: 1, Kind: schedules.Kinds[dice.IntN(len(schedules.Kinds))], Language: language,
		Voice: fmt.Sprintf("Voice %d", dice.IntN(60)),
		State: schedules.Approved, UploadedBy: fmt.Sprintf("producer-%d", dice.IntN(40))}
	t, ok := titles[language]
	if !ok {
		t = titles["en"]
	}
	words := strings.Fields(t.words)
	title := make([]string, 2+dice.IntN(4))
	for k := range title {
		title[k] = pick(words)
	}
	s.Title = strings.Join(title, t.space) + fmt.Sprintf(" (%d)", dice.IntN(2000))
	if chance(70) {
		s.Series = fmt.Sprintf("series-%d", dice.IntN(200))
	}
	for k := range dice.IntN(4) {
		s.Tags = append(s.Tags, fmt.Sprintf("tag-%d", 100*k+dice.IntN(100)))
	}
	if chance(40) {
		s.Script = &schedules.ScriptRef{ID: fmt.Sprintf("script-%d", dice.IntN(50)), Version: 1 + dice.IntN(3)}
		for p := range 1 + dice.IntN(6) {
			s.Script.Passages = append(s.Script.Passages, p+1)
		}
	}
	for range dice.IntN(3) {
		s.Persons = append(s.Persons, fmt.Sprintf("p%d", dice.IntN(5000)))
	}
	if chance(15) {
		s.Intro, s.BackAnnounce = fmt.Sprintf("%06d-intro", dice.IntN(500)), fmt.Sprintf("%06d-back-announce", dice.IntN(500))
	}
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, dice.IntN(600))
	if chance(60) {
		s.ValidFrom = schedules.At(day)
	}
	if chance(30) {
		s.ValidUntil = schedules.At(day.AddDate(0, 3, 0))
	}
	switch dice.IntN(50) {
	case 0, 1:
		s.State = schedules.Pending
	case 2:
		s.State = schedules.Recalled
	case 3:
		s.State, s.Rejection = schedules.Rejected, &schedules.Rejection{Code: "editorial",
			Message: "The last passage is missing: please record it again."}
	}
	s.Recording = recording(i, dice)
	if chance(8) {
		s.Previous = []string{hash("before", i)}
	}
	return s
}

func recording(i int, dice *rand.Rand) *schedules.Recording {
	level := func(from, to int) *float64 {
		v := float64(100*from+dice.IntN(100*(to-from))) / 100
		return &v
	}
	r := &schedules.Recording{SHA256: hash("now", i), Bytes: 100_000 + dice.Int64N(5_000_000), ContentType: "audio/mpeg",
		AnalysisVersion: 1,
		Duration:        schedules.Ms(20_000 + dice.Int64N(1_000_000)), SampleRate: 24_000, Channels: 1, BitrateKbps: 48,
		BitrateMode:    "cbr",
		IntegratedLUFS: level(-24, -15), RangeLU: level(1, 12), MaxShortTermLUFS: level(-20, -10),
		MaxMomentaryLUFS: level(-18, -8),
		TruePeakDBTP:     level(-9, 0)}
	r.CueIn, r.CueOut = schedules.Ms(dice.Int64N(400)),
		schedules.Millis{Duration: r.Duration.Duration - 300*time.Millisecond}
	for k := range dice.Int64N(9) {
		start := k*2000 + dice.Int64N(1000)
		r.Silences = append(r.Silences, schedules.Silence{Start: schedules.Ms(start), End: schedules.Ms(start +
			500 + dice.Int64N(400))})
	}
	for _, w := range []schedules.RecordingWarning{
		{Code: "head_silence", Message: fmt.Sprintf("The recording starts with %.1f s of silence.",
			float64(dice.IntN(80))/10)},
		{Code: "tail_silence", Message: fmt.Sprintf("The recording ends with %.1f s of silence.", float64(dice.IntN(80))/10)},
		{Code: "clipping", Message: "The recording is clipped."},
	} {
		if dice.IntN(4) == 0 {
			r.RecordingWarnings = append(r.RecordingWarnings, w)
		}
	}
	return r
}

func hash(of string, i int) string {
	sum := sha256.Sum256(fmt.Append(nil, of, i))
	return hex.EncodeToString(sum[:])
}
