#!/bin/sh
# A station's windows through MPD, which loads each window's list and fetches the audio itself; every item is started at
# its instant. Needs mpd, mpc and lifeline-station beside this script. MPD is found by MPD_HOST and MPD_PORT.
set -eu
here=$(dirname "$0")
station=$here/lifeline-station
# MPD is given the token as the password in the address.
list=$(printf %s "${LIFELINE_SERVER:?}" | sed "s|//|//station:${LIFELINE_TOKEN:?}@|")/v1/stations/${LIFELINE_STATION:?}/queue.m3u
ahead=10000

# play FILE: the items of one window, already in MPD's queue, each at its time; then what came of it.
play() {
  place=0
  last=0
  while read -r start end _ _ item segment sha; do
    place=$((place + 1))
    if [ $((start + 2000)) -lt "$(date +%s%3N)" ]; then continue; fi # too late for this one
    last=$end
    "$station" until "$start"
    mpc -q play "$place"
    began=$(date +%s%3N)
    "$station" until $((end - 200))
    # With single on MPD stops where an item ends; a file that broke off has stopped long since.
    elapsed=$(($(date +%s%3N) - began))
    if mpc status | grep -q "^\[playing\] #$place/" || [ "$elapsed" -lt 1000 ]; then outcome=aired; else outcome=cut; fi
    "$station" report "$item" "$segment" "$sha" "$began" "$end" "$outcome" "by mpd" &
  done <"$1"
  "$station" until "$last"
  mpc -q stop
  wait
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while :; do
  "$station" sync
  "$station" upcoming | awk -v now="$(date +%s%3N)" '$1 > now && !key { key = $3 $4 } key && $3 $4 == key' >"$work/window"
  if ! read -r start _ date window _ <"$work/window" || [ $((start - $(date +%s%3N))) -gt $((ahead + 5000)) ]; then
    sleep 5
    continue
  fi
  "$station" until $((start - ahead))
  "$station" sync # for what was recalled since
  "$station" upcoming | awk -v date="$date" -v window="$window" '$3 == date && $4 == window' >"$work/window"
  mpc -q clear
  mpc -q single on
  mpc -q load "$list?date=$date&window=$window"
  play "$work/window"
done
