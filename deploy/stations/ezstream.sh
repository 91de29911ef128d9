#!/bin/sh
# A station's day through ezstream to an Icecast mount, from the files that `playout sync` keeps in LIFELINE_LISTS.
# Without arguments it waits for items and runs ezstream for them; ezstream asks `ezstream.sh next` for each file. Needs
# ezstream, ffmpeg, and lifeline-station beside this script. LIFELINE_MOUNT is icecast://source:PASSWORD@host:8000/mount.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
station=$here/lifeline-station
: "${LIFELINE_LISTS:?is the directory that playout sync keeps}"
: "${LIFELINE_MOUNT:?is where the sound goes: icecast://source:PASSWORD@host:8000/mount}"
now() { date +%s%3N; }

# make START NAME: NAME.mp3 in one format for all, from where the item is now if it is late. The two that may make it at
# once have files of their own.
make() {
  skipped=0
  if [ -e "$2.mp3" ]; then return 0; fi
  late=$(($(now) - $1))
  if [ "$late" -ge 1000 ]; then skipped=$late; fi
  ffmpeg -nostdin -v error -y -ss "$((skipped / 1000)).$(printf %03d $((skipped % 1000)))" -i "$LIFELINE_LISTS/air/$2.wav" -c:a libmp3lame \
    -b:a "${LIFELINE_KBPS:-128}k" -map_metadata -1 -id3v2_version 0 -write_xing 0 -f mp3 ".$2.$$.mp3" && mv ".$2.$$.mp3" "$2.mp3"
}

# done_with: ezstream asks for the next file when it has sent the last one, or was told to leave it. It sends ahead of
# what is heard, by as much as it was late before: what it has sent is heard to its end. It has not sent what it leaves in
# less than half its time.
done_with() {
  if [ -s on-air ]; then
    read -r began end name <on-air
    : >on-air
    t=$(now)
    early=$(((end - began) / 2))
    if [ "$early" -gt 2500 ]; then early=2500; fi
    if read -r broke 2>/dev/null <broke; then
      t=$((broke < end ? broke : end))
      if [ "$t" -gt "$began" ]; then
        "$station" report "$name" "$began" "$t" cut "the connection to Icecast broke"
      else
        "$station" report "$name" "$began" "$began" failed "Icecast took nothing of it"
      fi
      rm -f broke
    elif [ "$(cat left 2>/dev/null || true)" = "$name" ] || [ "$t" -lt $((end - early)) ]; then
      "$station" report "$name" "$began" "$((t < end ? t : end))" cut "by ezstream"
    else
      "$station" report "$name" "$began" "$end" aired "by ezstream"
    fi
    rm -f left
  fi
}

# watch passes on what ezstream says, and notes when it first fails to send.
watch() {
  while read -r line; do
    printf '%s\n' "$line" >&2
    case $line in
    *" error "*) [ -s broke ] || now >broke ;;
    esac
  done
}

# next: the file of the item that is due. Nothing where none is due within five seconds: ezstream ends then.
if [ "${1:-}" = next ]; then
  done_with
  while line=$("$station" after "$(cat last)") && read -r start end name _ <<LINE && [ $((start - $(now))) -lt 5000 ]; do
$line
LINE
    echo "$start" >last
    whole=$([ -e "$name.mp3" ] && echo yes || true)
    if make "$start" "$name" >&2 && "$station" until "$start" && "$station" stands "$name"; then
      late=$((($(now) - start) / 1000 * 1000))
      if [ -n "$whole" ] && [ "$late" -gt 0 ]; then # frames of 24 ms, each of as many bytes
        tail -c "+$((late / 24 * 3 * ${LIFELINE_KBPS:-128} + 1))" "$name.mp3" >".$name.mp3" && mv ".$name.mp3" "$name.mp3"
        skipped=$late
      fi
      began=$(now)
      echo "$began $((began + end - start - skipped)) $name" >on-air
      echo "$PWD/$name.mp3"
      exit 0
    fi
    "$station" report "$name" "$start" "$start" failed "ezstream had no file of it"
  done
  exit 0
fi

"$station" begin
LIFELINE_LISTS=$(cd "$LIFELINE_LISTS" && pwd) # for ezstream, which starts this script elsewhere
export LIFELINE_LISTS
mount=$("$station" mount "$LIFELINE_MOUNT")
# The directory holds the mount's password and sound: it is for nobody else to read.
umask 077
work=$(mktemp -d)
trap 'kill ${player:-none} 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 143' INT TERM
cd "$work"
read -r user password host port mount <<MOUNT
$mount
MOUNT
xml() { printf %s "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'; }
cat >ezstream.xml <<CONFIG
<ezstream>
  <servers><server><name>default</name><protocol>HTTP</protocol><hostname>$(xml "$host")</hostname><port>$port</port><user>$(xml "$user")</user><password>$(xml "$password")</password><reconnect_attempts>1</reconnect_attempts></server></servers>
  <streams><stream><name>default</name><mountpoint>$(xml "$mount")</mountpoint><format>MP3</format><public>No</public></stream></streams>
  <intakes><intake><name>default</name><type>program</type><filename>$work/intake</filename><stream_once>Yes</stream_once></intake></intakes>
</ezstream>
CONFIG
printf '#!/bin/sh\ncd "%s" && exec "%s/ezstream.sh" next\n' "$work" "$here" >intake
chmod 700 intake
mkfifo said
: >on-air
echo 0 >last
while :; do
  # Files of the next items; none of what may not air any more.
  for file in *.mp3; do
    if ! "$station" stands "${file%.mp3}"; then rm -f "$file"; fi
  done
  { "$station" next || true; } | head -n 3 | while read -r start end name _; do
    ahead=$((start - $(now)))
    if [ "$ahead" -gt 500 ] && [ "$ahead" -lt 60000 ]; then make "$start" "$name" </dev/null || true; fi
  done
  if [ -n "${player:-}" ] && kill -0 "$player" 2>/dev/null; then
    if read -r _ end name <on-air && [ "$(now)" -lt $((end - 1000)) ] && ! "$station" stands "$name"; then
      echo "$name" >left
      kill -USR1 "$player" # leaves the file that it sends
      sleep 1
    fi
    sleep 0.5
    continue
  fi
  done_with # ezstream ended within a file: what was left of it is not heard
  if line=$("$station" after "$(cat last)") && read -r start _ <<LINE && [ $((start - $(now))) -lt 3000 ]; then
$line
LINE
    if [ -n "${player:-}" ]; then wait "$player" || sleep 1; fi
    "$station" until "$((start - 100))"
    # An ezstream that lost its server does not find it again: it ends, and another one starts.
    rm -f broke
    watch <said &
    ezstream -c ezstream.xml 2>said &
    player=$!
  fi
  "$station" here || sleep 10
  sleep 0.5
done
