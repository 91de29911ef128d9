#!/usr/bin/env bash
# The long proofs, by name; each prints its figures. check.sh runs a short form of each.
set -euo pipefail
cd "$(dirname "$0")/.."

prove() { # package, tests, name
  LIFELINE_PROVE="$3" go test "$1" -count=1 -timeout 5h -v -run "$2"
}

case "${1:-}" in
crash) # kill -9 under uploads, plans, publications and as-run reports: of the service on SQLite and on Redis, and of redis-server
  prove ./cmd/endtoend 'TestKilling' crash
  ;;
crash-store) # kill -9 of processes under load on SQLite, Redis and blobs, and of redis-server
  prove ./internal/store/sqlite Killed crash-store
  prove ./internal/store/redis Killed crash-store
  prove ./internal/blob Killed crash-store
  ;;
replicas) # two replicas under load for two minutes, of which one is killed every few seconds
  prove ./cmd/endtoend 'Replica' replicas
  ;;
matrix) # over 460 generated MP3 files against mpg123 and ffmpeg
  prove ./audio Matrix matrix
  ;;
damage) # every kind of damage in every encoding
  prove ./audio 'Damage|Reject|Channel' damage
  ;;
repairs) # 10,000 days with random recalls, expiries, edits and changed definitions: a repair changes no more than it must
  prove ./internal/scheduling RepairsChange repairs
  ;;
fuzz) # ten million mutated inputs to the audio package; [inputs]
  LIFELINE_INPUTS="${2:-10000000}" prove ./audio Mutated fuzz
  ;;
speed) # the analysis beside go-mp3, ffmpeg and LibreTime's commands (needs liquidsoap and mutagen)
  go run ./internal/bench/audio -rounds 5
  ;;
memory) # ten hours of MP3
  go run ./internal/bench/audio -memory 10
  ;;
uploads) # 500 MB over a link that breaks every 5 MB, with a kill -9; 200 uploads at once; a full disk
  prove ./cmd/endtoend 'UploadArrives|ManyUploads|FullDiskRefuses' uploads
  ;;
ready) # from an upload's last byte at 8 Mbit/s to pending, through the whole service
  go test ./cmd/endtoend -run '^$' -bench LastByte -benchtime 3x -timeout 60m
  ;;
contract) # 50,000 requests generated from the OpenAPI document; LIFELINE_SEED chooses others
  prove ./cmd/endtoend ContractHolds contract
  ;;
cost) # 20,000 hostile bodies over all operations: processor time and memory of each; LIFELINE_SEED chooses others; [requests]
  LIFELINE_INPUTS="${2:-20000}" prove ./cmd/endtoend HostileRequestCosts cost
  ;;
planner) # the benchmark's instances, beside re-implementations of the peers' planners
  go run ./internal/bench/planner
  ;;
storage) # commits a second on SQLite and Redis beside the machine's limits, queue reads, the wait of a thousand stations
  prove ./internal/bench/storage Figures storage
  ;;
library) # segments in memory: what one takes, pages of lists and searches beside a scan, starts with 100,000 on SQLite and Redis
  go run ./internal/bench/library
  ;;
load) # rates beside nginx, then 5,000 long polls and 5,000 streams that hear of publications (needs nginx-light and wrk)
  go run ./internal/bench/load "${@:2}"
  ;;
zones) # every zone, every transition from 2015 to 2035; and ten years of stations round the clock, without a gap or an overlap
  prove ./schedules Transition zones
  ;;
week) # three weeks of eight hours a day in simulated time, with everything that goes wrong
  prove ./internal/playout WeekOfFaults week
  ;;
air) # a quarter of an hour in real time, with everything that goes wrong; LIFELINE_SEED chooses when
  prove ./cmd/endtoend WindowFullOfFaults air
  ;;
drift) # a day on sound cards whose clocks are off, and the purity of what is converted
  prove ./internal/playout 'StaysInStep|StaysPure' drift
  ;;
frugal) # what the player uses of a core and of memory in ten minutes of 24 kHz mono
  prove ./cmd/playout Frugal frugal
  ;;
offline) # seven days from a bundle, as-run and all; documents, state and bundles changed at random; the worst link
  prove ./internal/playout 'DaysOffline|Tampered|HourIsInPlace' offline
  ;;
mirrors) # nine evil mirrors of ten, 10,000 seeds: the newest revision within two polls; LIFELINE_SEED plays one
  prove ./internal/playout OneTrueMirror mirrors
  ;;
render) # an hour's window rendered, and how many times faster than real time
  prove ./internal/render NotMuchSlower render
  ;;
chain) # 50,000 changed bytes in a year's record, each found on its day
  prove ./internal/record ChangedByte chain
  ;;
recall) # a person recalled on a hundred stations, ten unplugged; and twenty days of leases, set clocks and restarts
  prove ./cmd/endtoend RecalledPersonIsOff recall
  prove ./internal/playout SensitiveItemNever recall
  ;;
days) # four weeks of five stations, planned together: no two days alike, and as varied as those planned one by one
  prove ./internal/scheduling DaysPlannedTogetherAreAll days
  ;;
weeks) # sixty days of the example network, planned and published unattended by two replicas of which one is killed
  prove ./internal/scheduling WeeksAreOnTheAir weeks
  ;;
networks) # random networks of every kind of rule, fourteen days each: what was not found, and held against a naive search; [networks] [first]
  LIFELINE_INPUTS="${2:-30}" LIFELINE_SEED="${3:-0}" prove ./schedules/planner NaiveSearch networks
  ;;
tight) # stations of 12 to 60 segments, three days each: planned with and without the search over whole days, and a solver's verdict on the rest; [stations] [first]
  LIFELINE_INPUTS="${2:-100}" LIFELINE_SEED="${3:-0}" prove ./schedules/planner TightDays tight
  ;;
soft) # small random networks: each that can be planned without its soft rules can be planned with them; [networks] [first]
  LIFELINE_INPUTS="${2:-1000}" LIFELINE_SEED="${3:-0}" prove ./schedules/planner SoftRuleNever soft
  ;;
leases) # ten thousand runs of somebody on the link who delays, stores up, repeats and withholds leases and times
  prove ./internal/playout NobodyOnTheLinkMakesALease leases
  ;;
mitm) # ten thousand days of a station whose link somebody without the keys holds: what it airs, and what it knows; [days] [first]
  LIFELINE_INPUTS="${2:-10000}" LIFELINE_SEED="${3:-0}" prove ./internal/playout NobodyOnTheLinkMakesAStation mitm
  ;;
alarm) # from the answer to the fifth recall to the webhook's receiver, 50 times each: idle, beside 20 receivers that hang, and busy
  prove ./cmd/endtoend AlarmOfAMassRecall alarm
  ;;
packages) # built twice, linted, installed, upgraded, removed and purged in a Debian that systemd booted (root; lintian debootstrap systemd-container)
  deploy/packages/prove.sh
  ;;
image) # built twice, run not as root, read-only, without capabilities, stopped and started (root; buildah podman runc)
  deploy/image/prove.sh
  ;;
recalls) # a thousand recalls in a planned week
  prove ./schedules/planner Recall recalls
  ;;
*)
  echo 'usage: ./deploy/prove.sh NAME' >&2
  sed -n 's/^\([a-z-]*\)) # /  \1: /p' "$0" >&2
  exit 2
  ;;
esac
