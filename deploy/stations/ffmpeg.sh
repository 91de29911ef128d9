#!/bin/sh
# A station's windows through ffmpeg to an Icecast mount: one ffmpeg for each window, started at its instant. Needs ffmpeg,
# curl and lifeline-station beside this script. LIFELINE_MOUNT is icecast://source:PASSWORD@host:8000/mount.
set -eu
station=$(dirname "$0")/lifeline-station
list=${LIFELINE_SERVER:?}/v1/stations/${LIFELINE_STATION:?}/queue.ffconcat
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while :; do
  "$station" sync
  "$station" upcoming | awk -v now="$(date +%s%3N)" '$1 > now { print; exit }' >"$work/first"
  if ! read -r start _ date window _ <"$work/first" || [ $((start - $(date +%s%3N))) -gt 10000 ]; then
    sleep 5
    continue
  fi
  "$station" until $((start - 5000))
  # The list by curl, so that the token is in no process's arguments; its addresses need none.
  printf 'user = "station:%s"\n' "${LIFELINE_TOKEN:?}" | curl -K - -sSf -o "$work/list" "$list?date=$date&window=$window"
  "$station" until "$start"
  ffmpeg -nostdin -v warning -re -f concat -safe 0 -protocol_whitelist file,http,https,tcp,tls,crypto -i "$work/list" \
    -ar 48000 -ac 2 -c:a libmp3lame -b:a "${LIFELINE_KBPS:-128}k" -content_type audio/mpeg -f mp3 "${LIFELINE_MOUNT:?}" || sleep 1
done
