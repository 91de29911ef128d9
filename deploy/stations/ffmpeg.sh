#!/bin/sh
# A station's day through ffmpeg to an Icecast mount, each item at its instant, from the files that `playout sync` keeps
# in LIFELINE_LISTS. Needs ffmpeg and lifeline-station beside this script. One ffmpeg runs from some seconds before the
# first item of a window to its end; it is fed with samples, silence where nothing is due.
# LIFELINE_MOUNT is icecast://source:PASSWORD@host:8000/mount.
set -eu
station=$(dirname "$0")/lifeline-station
: "${LIFELINE_LISTS:?is the directory that playout sync keeps}"
: "${LIFELINE_MOUNT:?is where the sound goes: icecast://source:PASSWORD@host:8000/mount}"
"$station" begin
# The password goes by a file: who lists the processes of this machine would read it among ffmpeg's arguments.
mount=$("$station" mount "$LIFELINE_MOUNT")
umask 077
work=$(mktemp -d)
trap 'kill ${player:-none} 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 143' INT TERM
read -r user password host port path <<MOUNT
$mount
MOUNT
printf 'password=%s\n' "$password" >"$work/password"
now() { date +%s%3N; }
rate=192 # bytes in a millisecond: 48 kHz, stereo, 16 bits

# piece FILE SKIP COUNT: bytes of a file. One that went away meanwhile is silence.
piece() { { dd if="$1" iflag=skip_bytes,count_bytes skip="$2" count="$3" bs=65536 status=none 2>/dev/null || true; head -c "$3" /dev/zero; } | head -c "$3"; }

# feed writes samples until nothing is due within ten seconds, or ffmpeg has ended: nobody hears what is written then.
# ffmpeg reads them in real time, so that writing two seconds of silence tells when the first sample is heard: what the
# pipe and ffmpeg itself hold (some 0.2 s) is still to come.
feed() {
  head -c $((2000 * rate)) /dev/zero || return 1
  began=$(($(now) - (2000 * rate - 65536) / rate + 200)) # when the first sample was heard
  given=2000                                       # milliseconds of sound that were handed over
  last=0
  while line=$("$station" after "$last") && read -r start end name _ <<LINE && [ $((start - began - given)) -lt 10000 ]; do
$line
LINE
    ahead=$((start - began - given))
    if [ "$ahead" -gt 0 ]; then # short steps, for what the list says meanwhile
      step=$((ahead < 500 ? ahead : 500))
      head -c $((step * rate)) /dev/zero || return 1
      given=$((given + step))
      continue
    fi
    last=$start
    from=$((began + given))
    outcome=aired
    while [ $((end - began - given)) -gt 0 ]; do
      if ! "$station" stands "$name"; then
        if [ $((end - began - given)) -gt 1000 ]; then outcome=cut; fi
        break
      fi
      step=$((end - began - given))
      step=$((step < 500 ? step : 500))
      if ! piece "$LIFELINE_LISTS/air/$name.wav" $((44 + (began + given - start) * rate)) $((step * rate)); then
        outcome=failed
        if [ $((began + given - from)) -gt 1000 ]; then outcome=cut; fi
        "$station" report "$name" "$from" $((began + given)) "$outcome" "ffmpeg ended" &
        return 1
      fi
      given=$((given + step))
    done
    "$station" report "$name" "$from" $((began + given)) "$outcome" "by ffmpeg" &
  done
}

while :; do
  if ! line=$("$station" after 0) || ! read -r start _ <<LINE || [ $((start - $(now))) -gt 6000 ]; then
$line
LINE
    "$station" here || sleep 10
    sleep 0.5
    continue
  fi
  feed | ffmpeg -nostdin -v warning -fflags nobuffer -probesize 32 -analyzeduration 0 -re -f s16le -ar 48000 -ac 2 -i - \
    -c:a libmp3lame -b:a "${LIFELINE_KBPS:-128}k" -flush_packets 1 -content_type audio/mpeg -fpre "$work/password" \
    -f mp3 "icecast://$user@$host:$port$path" &
  player=$!
  wait "$player" || sleep 1
  wait # for feed, which reports what was heard
done
