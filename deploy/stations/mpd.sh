#!/bin/sh
# A station's day through MPD, each item at its instant, from the files that `playout sync` keeps in LIFELINE_LISTS.
# Needs mpd, mpc and lifeline-station beside this script. MPD_HOST is MPD's socket, such as /run/mpd/socket: it opens
# files by their path for nobody who comes by the network.
set -eu
station=$(dirname "$0")/lifeline-station
"$station" begin
LIFELINE_LISTS=$(cd "$LIFELINE_LISTS" && pwd) # MPD takes whole paths alone
export LIFELINE_LISTS
now() { date +%s%3N; }
name='' start=0 end=0 began=0 heard=0 # the item on the air
queued=''

# finish INSTANT: what came of the item on the air. With single on MPD stops where a file ends or breaks off.
finish() {
  if [ -z "$name" ]; then return 0; fi
  if [ "$heard" = 0 ]; then
    "$station" report "$name" "$began" "$began" failed "MPD did not play it" &
  elif [ "$1" -lt $((end - 1000)) ] || [ "$heard" -lt $((end - 2000)) ]; then
    "$station" report "$name" "$began" "$(($1 < heard + 1000 ? $1 : heard))" cut "by MPD" &
  else
    "$station" report "$name" "$began" "$1" aired "by MPD" &
  fi
  name=
}

mpc -q clear
mpc -q single on
while :; do
  t=$(now)
  if [ -n "$name" ]; then
    if mpc status | grep -q '^\[playing\]'; then heard=$t; fi
    if [ "$t" -ge "$end" ]; then
      finish "$end"
    elif [ "$t" -lt $((end - 500)) ] && ! "$station" stands "$name"; then
      mpc -q stop
      finish "$(now)"
    fi
  fi
  if line=$("$station" after "$start") && read -r s e n _ <<LINE && [ $((s - t)) -lt 4000 ]; then
$line
LINE
    if [ "$queued" != "$n" ]; then
      mpc -q crop 2>/dev/null || mpc -q clear
      mpc -q add "file://$LIFELINE_LISTS/air/$n.wav" && queued=$n
    fi
    if [ "$queued" = "$n" ] && [ $((s - t)) -lt 500 ]; then
      "$station" until "$s"
      finish "$s"
      mpc -q play "$(mpc playlist | wc -l)"
      name=$n start=$s end=$e began=$(now) heard=0
      late=$(((began - s) / 1000))
      if [ "$late" -gt 0 ]; then mpc -q seek "+$late"; fi
    fi
  fi
  "$station" here || sleep 10
  sleep 0.2
done
