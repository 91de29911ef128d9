#!/usr/bin/env bash
#
# Makes every sample again from texts/, and measures what it made into facts.json.
#
#   ./make.sh          all of it, here
#   ./make.sh DIR      the same into DIR, which must exist: for comparing with what is here
#
# The same tools make the same bytes: no dither, seeded noise, no dates in tags. The facts come from mpg123, soxi and
# ffmpeg, never from Lifeline's own code, which is tested against them.
set -euo pipefail
export LC_ALL=C.UTF-8

for tool in espeak-ng sox soxi lame mpg123 ffmpeg sha256sum awk; do
  command -v "$tool" >/dev/null || { echo "make.sh: needs $tool, which is not installed" >&2; exit 1; }
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "${1:-$here}" && pwd)
texts=$here/texts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
made=() # the ids, in order

fail() { echo "make.sh: $*" >&2; exit 1; }
sox_() { sox -R -D -V1 "$@"; } # repeatable: fixed seed, no dither

# --- measuring ---------------------------------------------------------------------------------------------------

# r128 FILE -> "INTEGRATED_LUFS RANGE_LU TRUE_PEAK_DBTP"
r128() {
  ffmpeg -hide_banner -nostats -i "$1" -af ebur128=peak=true -f null - 2>&1 |
    awk '/Summary:/ { s = 1 } s && /I:/ { i = $2 } s && /LRA:/ { r = $2 } s && /Peak:/ { p = $2 } END { print i, r, p }'
}

# facts ID -> one JSON object
facts() {
  local file=$out/$1.mp3 rate samples lufs range peak
  mpg123 -q -w "$work/decoded.wav" "$file" || fail "$1: mpg123 cannot decode it"
  rate=$(soxi -r "$file") samples=$(soxi -s "$work/decoded.wav")
  read -r lufs range peak < <(r128 "$file")
  awk -v p="$peak" 'BEGIN { exit !(p < -1) }' || fail "$1: true peak $peak dBTP is not below -1"
  printf '  "%s": {"sha256": "%s", "bytes": %d, "sample_rate_hz": %d, "channels": %d, "samples": %d, "duration_ms": %d, ' \
    "$1" "$(sha256sum <"$file" | cut -d' ' -f1)" "$(stat -c %s "$file")" "$rate" "$(soxi -c "$file")" \
    "$samples" $(((samples * 1000 + rate / 2) / rate))
  printf '"integrated_lufs": %s, "range_lu": %s, "true_peak_dbtp": %s}' "$lufs" "$range" "$peak"
}

# --- speech ------------------------------------------------------------------------------------------------------

# speak VOICE WORDS_PER_MINUTE PAUSE TEXT... -> $work/spoken.wav; PAUSE seconds between paragraphs and between texts.
# Mandarin is read from the pinyin beside the text, since espeak-ng has no dictionary of characters.
speak() {
  local voice=$1 speed=$2 pause=$3 text file paragraph parts=() n=0
  shift 3
  sox_ -n -r 22050 -c 1 -b 16 "$work/pause.wav" trim 0 "$pause"
  for text; do
    file=$texts/$text.txt
    [[ -e $texts/$text.pinyin.txt ]] && file=$texts/$text.pinyin.txt
    [[ -e $file ]] || fail "no text $text"
    while IFS= read -r paragraph; do
      [[ -n $paragraph ]] || continue
      n=$((n + 1))
      espeak-ng -v "$voice" -s "$speed" -w "$work/part$n.wav" -- "$paragraph"
      [[ $n == 1 ]] || parts+=("$work/pause.wav")
      parts+=("$work/part$n.wav")
    done <"$file"
  done
  sox_ "${parts[@]}" "$work/spoken.wav" silence 1 0.01 0.1% reverse silence 1 0.01 0.1% reverse
}

# speech ID RATE LAME_OPTIONS LUFS HEAD TAIL TITLE -- VOICE WORDS_PER_MINUTE PAUSE TEXT...
# HEAD and TAIL are seconds of silence around the voice.
speech() {
  local id=$1 rate=$2 options=$3 lufs=$4 head=$5 tail=$6 title=$7
  shift 8
  speak "$@"
  sox_ "$work/spoken.wav" -b 24 "$work/wide.wav" gain -6 highpass 90 \
    compand 0.002,0.1 6:-70,-70,-40,-30,-20,-18,0,-14 0 -90 0.002 \
    compand 0,0.03 2:-60,-60,-15,-15,0,-14 0 -90 0.0005 pad "$head" "$tail"
  finish "$id" "$rate" 1 "$options" "$lufs" "$title" "$work/wide.wav"
}

# --- music -------------------------------------------------------------------------------------------------------

# melody OUT RATE BEAT NOTE:BEATS... plays plucked strings; "-" rests. BEAT in seconds.
melody() {
  local file=$1 rate=$2 beat=$3 note length n=0 parts=()
  shift 3
  for note; do
    n=$((n + 1))
    length=$(awk -v b="$beat" -v n="${note#*:}" 'BEGIN { printf "%.4f", b * n }')
    if [[ $note == -:* ]]; then
      sox_ -n -r "$rate" -c 1 -b 24 "$work/note$n.wav" trim 0 "$length"
    else
      sox_ -n -r "$rate" -c 1 -b 24 "$work/note$n.wav" synth "$length" pluck "${note%:*}" gain -8 lowpass 2400 fade t 0.004 "$length" 0.12
    fi
    parts+=("$work/note$n.wav")
  done
  sox_ "${parts[@]}" "$file"
}

# pad OUT RATE SECONDS CHORD... breathes one chord after another; a CHORD is three notes joined by "+".
pad() {
  local file=$1 rate=$2 seconds=$3 chord n=0 parts=() a b c
  shift 3
  for chord; do
    n=$((n + 1))
    IFS=+ read -r a b c <<<"$chord"
    sox_ -n -r "$rate" -c 1 -b 24 "$work/chord$n.wav" synth "$seconds" sine "$a" synth "$seconds" sine mix "$b" \
      synth "$seconds" sine mix "$c" gain -12 tremolo 0.4 25 fade t "$(awk -v s="$seconds" 'BEGIN { print s * 0.3 }')" "$seconds" \
      "$(awk -v s="$seconds" 'BEGIN { print s * 0.35 }')"
    parts+=("$work/chord$n.wav")
  done
  sox_ "${parts[@]}" "$file"
}

# piece ID RATE LAME_OPTIONS LUFS SECONDS TITLE: mixes $work/melody.wav over $work/pad.wav, both repeated, to length.
piece() {
  local id=$1 rate=$2 options=$3 lufs=$4 seconds=$5 title=$6
  sox_ "$work/melody.wav" "$work/m.wav" repeat 40 trim 0 "$seconds"
  sox_ "$work/pad.wav" "$work/p.wav" repeat 40 trim 0 "$seconds"
  sox_ -m -v 0.8 "$work/m.wav" -v 0.6 "$work/p.wav" "$work/wide.wav" gain -3 fade t 1.5 "$seconds" 5
  finish "$id" "$rate" 1 "$options" "$lufs" "$title" "$work/wide.wav"
}

# --- encoding ----------------------------------------------------------------------------------------------------

# finish ID RATE CHANNELS LAME_OPTIONS LUFS TITLE WAV: resamples, levels to LUFS, encodes. No TITLE: no ID3 tag.
finish() {
  local id=$1 rate=$2 channels=$3 options=$4 lufs=$5 title=$6 wav=$7 loud range peak tag=()
  sox_ "$wav" -b 24 "$work/rated.wav" rate -v "$rate" channels "$channels"
  read -r loud range peak < <(r128 "$work/rated.wav")
  sox_ "$work/rated.wav" -b 16 "$work/level.wav" gain "$(awk -v l="$loud" -v t="$lufs" 'BEGIN { printf "%.2f", t - l }')"
  [[ -z $title ]] || tag=(--id3v2-only --id3v2-utf16 --tt "$title" --ta "Lifeline")
  # Unless told the rate, lame lowers it to suit the bits, down to MPEG 2.5, which few decoders know.
  # shellcheck disable=SC2086 # the options are several words
  lame --quiet --noreplaygain -q 2 --resample "$rate" $options "${tag[@]}" "$work/level.wav" "$out/$id.mp3"
  [[ $(soxi -r "$out/$id.mp3") == "$rate" ]] || fail "$id: lame changed the sample rate"
  made+=("$id")
  echo "$id"
}

# --- what there is -----------------------------------------------------------------------------------------------
# Voices: Hana, Minjun, Seori and Dohyun read Korean, Lin, Wei and Yue Mandarin, Ruth and Amos English.

hana=(ko+f3 145) minjun=(ko+m3 135) seori=(ko+f2 140) dohyun=(ko+m1 150)
lin=(cmn-latn-pinyin+f3 150) wei=(cmn-latn-pinyin+m3 145) yue=(cmn-latn-pinyin+f2 145)
ruth=(en-gb+f3 140) amos=(en-us+m3 135)

abr16="-m m --abr 16" cbr24="-m m -b 24"

# Korean
speech sign-on-ko 24000 "-m m -b 32" -17.0 0.150 0.310 "생명줄 방송 시작" -- "${hana[@]}" 0.7 sign-on.ko
speech sign-off-ko 24000 "-m m --abr 32" -17.4 0.000 0.270 "생명줄 방송 마침" -- "${hana[@]}" 0.7 sign-off.ko
speech frequency-ko 16000 "$abr16" -17.2 0.105 0.140 "" -- "${minjun[@]}" 0.6 frequency.ko
speech ident-ko 48000 "-m m -V 4" -16.8 0.120 0.211 "생명줄 방송" -- "${hana[@]}" 0.5 ident.ko
speech intro-ko 32000 "-m m -b 48" -17.6 0.000 0.333 "" -- "${minjun[@]}" 0.5 intro.ko
speech back-announce-ko 16000 "$cbr24" -17.5 0.210 0.120 "" -- "${minjun[@]}" 0.5 back-announce.ko
speech reading-ko-full-hana 24000 "-m m -b 48" -18.2 0.120 0.200 "호소문 낭독 (하나)" -- "${hana[@]}" 0.9 appeal.ko.{1,2,3}
speech reading-ko-full-minjun 22050 "-m m -b 32" -18.0 0.180 0.240 "호소문 낭독 (민준)" -- "${minjun[@]}" 1.1 appeal.ko.{1,2,3}
speech reading-ko-short-hana 24000 "-m m --abr 32" -18.4 0.000 0.150 "" -- "${hana[@]}" 0.5 appeal.ko.1
speech reading-ko-short-minjun 16000 "$cbr24" -18.1 0.260 0.180 "" -- "${minjun[@]}" 0.5 appeal.ko.3
speech testimony-ko-river 16000 "$abr16" -18.6 0.200 0.470 "강을 건넌 사람의 증언" -- "${hana[@]}" 1.4 testimony.ko
speech testimony-ko-interpreter 16000 "$abr16" -18.5 0.170 0.440 "통역원의 증언" -- "${minjun[@]}" 1.4 testimony.ko.2
speech letter-ko-sister 16000 "$abr16" -18.9 0.090 0.350 "언니에게" -- "${seori[@]}" 1.2 letter.ko
speech names-ko 16000 "$abr16" -18.7 0.000 0.500 "" -- "${minjun[@]}" 2.9 names.ko
speech news-ko 16000 "$abr16" -17.3 0.130 0.170 "" -- "${dohyun[@]}" 0.8 news.ko
speech commentary-ko 16000 "$abr16" -17.9 0.000 0.290 "오늘의 생각" -- "${minjun[@]}" 1.1 commentary.ko
speech promo-ko-letters 16000 "$cbr24" -17.0 0.000 0.100 "" -- "${hana[@]}" 0.5 promo.ko
speech correction-ko 16000 "$abr16" -17.7 0.110 0.130 "" -- "${minjun[@]}" 0.5 correction.ko
speech evergreen-ko-1 16000 "$abr16" -18.3 0.160 0.420 "준비된 순서" -- "${hana[@]}" 2.4 evergreen.ko

# Mandarin
speech sign-on-cmn 24000 "-m m -b 32" -17.1 0.140 0.220 "" -- "${lin[@]}" 0.6 sign-on.cmn
speech sign-off-cmn 16000 "$abr16" -17.5 0.000 0.260 "" -- "${lin[@]}" 0.6 sign-off.cmn
speech intro-cmn 16000 "$abr16" -17.6 0.000 0.190 "" -- "${wei[@]}" 0.5 intro.cmn
speech back-announce-cmn 16000 "$abr16" -17.8 0.000 0.180 "" -- "${wei[@]}" 0.5 back-announce.cmn
speech reading-cmn-full-lin 24000 "-m m --abr 24" -18.2 0.130 0.210 "请求书 (林)" -- "${lin[@]}" 0.9 appeal.cmn.{1,2,3}
speech reading-cmn-short-wei 16000 "$abr16" -18.0 0.220 0.160 "" -- "${wei[@]}" 0.5 appeal.cmn.3
speech letter-cmn-grandmother 16000 "$abr16" -18.8 0.000 0.410 "给奶奶的信" -- "${yue[@]}" 1.2 letter.cmn
speech commentary-cmn-door 16000 "$abr16" -17.9 0.100 0.280 "" -- "${wei[@]}" 1.1 commentary.cmn
speech evergreen-cmn-1 16000 "$abr16" -18.4 0.150 0.390 "备用节目" -- "${lin[@]}" 1.5 evergreen.cmn

# English
speech sign-on-en 24000 "-m m -b 32" -17.1 0.150 0.230 "" -- "${ruth[@]}" 0.6 sign-on.en
speech sign-off-en 16000 "$abr16" -17.4 0.000 0.240 "" -- "${ruth[@]}" 0.6 sign-off.en
speech intro-en 16000 "$abr16" -17.7 0.000 0.170 "" -- "${amos[@]}" 0.5 intro.en
speech back-announce-en 16000 "$abr16" -17.6 0.100 0.160 "" -- "${amos[@]}" 0.5 back-announce.en
speech reading-en-full-ruth 24000 "-m m --abr 24" -18.1 0.140 0.190 "The appeal, read by Ruth" -- "${ruth[@]}" 0.9 appeal.en.{1,2,3}
speech reading-en-short-amos 16000 "$abr16" -18.3 0.170 0.150 "" -- "${amos[@]}" 0.5 appeal.en.3
speech testimony-en-driver 16000 "$abr16" -18.6 0.190 0.430 "A driver's testimony" -- "${amos[@]}" 1.3 testimony.en
speech news-en 16000 "$abr16" -17.2 0.000 0.180 "" -- "${ruth[@]}" 0.8 news.en
speech evergreen-en-1 16000 "$abr16" -18.5 0.150 0.370 "A programme kept for hours like this" -- "${ruth[@]}" 1.5 evergreen.en

# No words: pips, the interval signal, music
sox_ -n -r 48000 -c 1 -b 24 "$work/pip.wav" synth 0.1 sine 1000 gain -12 fade t 0.003 0.1 0.003 pad 0 0.9
sox_ -n -r 48000 -c 1 -b 24 "$work/mark.wav" synth 0.5 sine 1000 gain -12 fade t 0.003 0.5 0.003 pad 0 0.137
sox_ "$work"/{pip,pip,pip,pip,pip,mark}.wav "$work/wide.wav"
finish time-signal 48000 2 "-m j -V 4" -21.0 "" "$work/wide.wav"

melody "$work/wide.wav" 44100 0.42 E4:1 G4:1 A4:2 B4:1 A4:1 E5:4 D5:1 B4:1 A4:4
sox_ "$work/wide.wav" "$work/echo.wav" gain -3 pad 0.011
sox_ -M "$work/wide.wav" "$work/echo.wav" "$work/stereo.wav" gain -3 trim 0 6.527 fade t 0 6.527 1.4
finish ident-tone 44100 2 "-m j -b 128" -19.0 "Lifeline interval signal" "$work/stereo.wav"

melody "$work/melody.wav" 24000 0.8 -:8
pad "$work/pad.wav" 24000 6.4 C4+E4+G4 A3+C4+E4 F3+A3+C4 G3+B3+D4
piece bed-slow 24000 "-m m -V 9 -b 8" -23.0 64.253 "Slow bed"

melody "$work/melody.wav" 24000 0.7 A3:2 C4:1 D4:1 E4:4 G4:2 E4:1 D4:1 C4:4 D4:2 E4:1 G4:1 A4:4 G4:1 E4:1 D4:2 A3:4
pad "$work/pad.wav" 24000 5.6 A3+C4+E4 F3+A3+C4 D3+A3+D4 A3+E4+A4
piece music-lamp 24000 "-m m --abr 16" -20.0 92.871 "A lamp in the window"

melody "$work/melody.wav" 16000 0.9 D4:3 E4:1 G4:2 A4:2 B4:4 A4:2 G4:2 E4:3 D4:1 E4:2 G4:2 D4:8
pad "$work/pad.wav" 16000 7.2 G3+B3+D4 E3+G3+B3 C3+G3+E4 D3+A3+D4
piece music-river 16000 "-m m --abr 12" -20.5 137.419 "The river at low water"

melody "$work/melody.wav" 16000 0.6 E4:2 -:1 A4:1 B4:2 C5:2 B4:2 A4:2 E4:4 -:2 F4:1 A4:1 C5:2 B4:2 A4:4 -:4
pad "$work/pad.wav" 16000 4.8 A3+E4+C4 F3+C4+A3 D3+A3+F4 E3+B3+E4
piece music-apricot 16000 "-m m --abr 10" -20.0 206.604 "Apricot tree"

melody "$work/melody.wav" 16000 0.75 C4:2 E4:2 G4:4 A4:2 G4:2 E4:4 D4:2 E4:2 G4:2 E4:2 D4:2 C4:6 -:4
pad "$work/pad.wav" 16000 6.0 C4+E4+G4 A3+E4+C4 D3+A3+F4 G3+D4+B3
piece music-first-light 16000 "-m m --abr 8" -20.7 239.547 "First light"

melody "$work/melody.wav" 16000 1.1 G3:2 B3:2 D4:4 -:1 E4:1 D4:2 B3:4 -:2 A3:2 B3:2 D4:4 B3:2 A3:2 G3:6 -:4
pad "$work/pad.wav" 16000 8.8 G3+D4+B3 E3+B3+G3 C3+E3+G3 D3+F#3+A3
piece music-snowfield 16000 "-m m --abr 8" -21.0 291.158 "Snowfield"

melody "$work/melody.wav" 16000 1.3 D4:2 F4:2 A4:4 -:2 G4:2 F4:2 E4:2 D4:6 -:2 C4:2 D4:2 F4:4 E4:2 C4:2 D4:8 -:4
pad "$work/pad.wav" 16000 10.4 D3+F3+A3 Bb2+D3+F3 G3+D3+Bb3 A3+E3+C4
piece music-long-night 16000 "-m m -b 8" -21.5 371.733 "The long night: an instrumental programme"

# --- the facts ---------------------------------------------------------------------------------------------------

{
  echo "{"
  for i in "${!made[@]}"; do
    facts "${made[i]}" >"$work/fact.json"
    cat "$work/fact.json"
    [[ $i == $((${#made[@]} - 1)) ]] && echo || echo ","
  done
  echo "}"
} >"$work/facts.json"
cp "$work/facts.json" "$out/facts.json"
total=$(cat "$out"/*.mp3 | wc -c)
echo "${#made[@]} samples, $total bytes"
[[ $total -le 6000000 ]] || fail "more than 6 MB"
