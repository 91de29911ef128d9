#!/bin/sh
# A station's windows through ezstream to an Icecast mount. Without arguments it waits for each window and runs ezstream
# for it; ezstream asks `ezstream.sh next` for each file. Needs ezstream and lifeline-station beside this script.
# LIFELINE_MOUNT is icecast://source:PASSWORD@host:8000/mount.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
station=$here/lifeline-station
: "${LIFELINE_STATE:?}"
cd "$LIFELINE_STATE"

now() { date +%s%3N; }

# done_with: ezstream asks for the next file when it has sent the last one: that one has aired.
done_with() {
  if [ -s on-air ]; then
    read -r began item segment sha <on-air
    : >on-air
    "$station" report "$item" "$segment" "$sha" "$began" "$(now)" aired "by ezstream"
  fi
}

# make ITEM SEGMENT SHA256: air/ITEM.mp3, cut from the recording, which is checked by its hash, and all in one format.
make() {
  if [ -e "air/$1.mp3" ]; then return 0; fi
  annotated=$(cat lists/????-??-??.liq | grep -F "annotate:item_id=\"$1\"," | head -n 1)
  value() { printf %s "$annotated" | sed 's/.*,'"$1"'="\([^"]*\)".*/\1/'; }
  "$station" cut "$3" "$(value liq_cue_in)" "$(value liq_cue_out)" "$(value liq_fade_out)" "$(value liq_amplify)" "$1" || return 1
  ffmpeg -nostdin -v error -y -i "air/$1.wav" -ar 48000 -ac 2 -c:a libmp3lame -b:a "${LIFELINE_KBPS:-128}k" -id3v2_version 0 -write_xing 0 -f mp3 "air/$1.new.mp3" &&
    mv "air/$1.new.mp3" "air/$1.mp3"
}

# make_next: the first two that are left in the window.
make_next() {
  head -n 2 window >soon
  while read -r _ _ _ _ item segment sha; do make "$item" "$segment" "$sha" || true; done <soon
}

# next: the file of the item after the one before. Nothing at the window's end: ezstream ends then.
if [ "${1:-}" = next ]; then
  done_with
  while read -r _ _ _ _ item segment sha <window; do
    sed -i 1d window
    if make "$item" "$segment" "$sha" >&2; then
      echo "$(now) $item $segment $sha" >on-air
      echo "$LIFELINE_STATE/air/$item.mp3"
      make_next >/dev/null 2>&1 &
      exit 0
    fi
    "$station" report "$item" "$segment" "$sha" "" "" failed "no valid recording"
  done
  exit 0
fi

# The configuration holds the mount's password: it is for nobody else to read.
umask 077
printf '%s\n' "${LIFELINE_MOUNT:?}" | sed -n 's|^icecast://\([^:]*\):\([^@]*\)@\([^:/]*\):\([0-9]*\)\(/.*\)$|\1 \2 \3 \4 \5|p' | {
  read -r user password host port mount
  cat >ezstream.xml <<CONFIG
<ezstream>
  <servers><server><name>default</name><protocol>HTTP</protocol><hostname>$host</hostname><port>$port</port><user>$user</user><password>$password</password></server></servers>
  <streams><stream><name>default</name><mountpoint>$mount</mountpoint><format>MP3</format><public>No</public></stream></streams>
  <intakes><intake><name>default</name><type>program</type><filename>$LIFELINE_STATE/ezstream-next</filename></intake></intakes>
</ezstream>
CONFIG
}
printf '#!/bin/sh\nexec "%s" next\n' "$here/ezstream.sh" >ezstream-next
chmod 700 ezstream-next
: >on-air
while :; do
  "$station" sync
  "$station" upcoming | awk -v now="$(now)" '$1 > now && !key { key = $3 $4 } key && $3 $4 == key' >window
  if ! read -r start _ <window || [ $((start - $(now))) -gt 15000 ]; then
    sleep 5
    continue
  fi
  make_next
  "$station" until "$start"
  ezstream -c ezstream.xml || sleep 1
  done_with
done
