#!/usr/bin/env bash
# The one test command: installs what the real tests need and is missing, then runs every check. It starts servers on
# free loopback ports only, through the tests that need them, and stops what it started.
set -euo pipefail
cd "$(dirname "$0")/.."

# What the tests run for real, and the package that brings it.
needs=(
  gcc:gcc curl:curl tar:tar gzip:gzip sha256sum:coreutils
  ffmpeg:ffmpeg sox:sox lame:lame twolame:twolame mpg123:mpg123 sndfile-info:sndfile-programs /usr/sbin/vsftpd:vsftpd espeak-ng:espeak-ng
  node:nodejs npm:npm
  redis-server:redis-server redis-benchmark:redis-tools
  liquidsoap:liquidsoap mpd:mpd mpc:mpc ezstream:ezstream icecast2:icecast2 xmllint:libxml2-utils
  chromium:chromium promtool:prometheus systemd-analyze:systemd ssh-keygen:openssh-client
)
tools=$(mktemp -d)
policy=
endtoend=
tidy() {
  if [ -n "$endtoend" ]; then # an earlier part failed: they end by themselves, and stop the servers that they started
    say 'end-to-end tests with real processes end'
    wait "$endtoend" || true
    cat "$tools/end-to-end"
  fi
  rm -rf "$tools"
  if [ -n "$policy" ]; then "${sudo[@]}" rm -f "$policy"; fi
}
trap tidy EXIT
missing=()
for need in "${needs[@]}"; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need#*:}")
done
if ((${#missing[@]})); then
  sudo=()
  if [ "$(id -u)" != 0 ]; then sudo=(sudo); fi
  if [ ! -e /usr/sbin/policy-rc.d ]; then # the tests start their own servers: no package shall start one
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" install -m 755 /dev/stdin /usr/sbin/policy-rc.d
    policy=/usr/sbin/policy-rc.d
  fi
  "${sudo[@]}" apt-get update -q
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

say() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

# Nothing here needs cgo but the race detector: without it, every step shares one set of compiled packages.
# gin's MessagePack, which nothing here uses, is left out: it takes longer to compile than all of Lifeline.
export CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -tags=nomsgpack"

say 'format'
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
  printf 'gofmt would change:\n%s\n' "$unformatted"
  exit 1
fi
say 'build'
go build -o "$tools" ./cmd/...
# Each test runs once in its longest form. What runs concurrently within one process runs under the race detector too, in
# its short form. The tests of the programs and the whole service wait for players most of the time, so they begin first.
longer() { # package pattern -> the names of its tests that have a longer form, as a regular expression
  grep -rhE '^func Test|testing\.Short\(\)|longform\.Only\(' --include='*_test.go' "$@" |
    awk '/^func /{ name = $2; sub(/\(.*/, "", name); next } { print name }' | sort -u | paste -sd '|'
}
holders() { # package pattern -> the packages that have such tests: no other one's tests are compiled again
  grep -rlE 'testing\.Short\(\)|longform\.Only\(' --include='*_test.go' "$@" | xargs -n 1 dirname | sort -u | sed 's|^|./|'
}
sequential() { # the packages of internal that run nothing concurrently, their tests included
  local package
  for package in $(go list -f '{{.Dir}}' ./internal/...); do
    grep -qE '^\s*go |\.Go\(|"sync(/atomic)?"|"testing/synctest"|"net/http"' "$package"/*.go || echo "./${package#"$PWD"/}"
  done
  echo ./internal/archtest
}
beside() { nice -n 10 "$@"; } # beside those that keep to real time with players: it must not make them late
say 'end-to-end tests with real processes begin'
go test -p 3 -shuffle=on -vet=off -timeout 40m ./cmd/... >"$tools/end-to-end" 2>&1 &
endtoend=$!
say 'vet'
beside go vet ./...
say 'staticcheck'
GOGC=400 beside go tool staticcheck ./... # it, and deadcode, spend a fifth of their time on collecting garbage else
say 'dead code'
beside go build -o "$tools" golang.org/x/tools/cmd/deadcode
dead=$(GOGC=400 beside "$tools/deadcode" -test ./...)
if [ -n "$dead" ]; then
  printf '%s\n' "$dead"
  exit 1
fi
mapfile -t sequential < <(sequential | sort -u)
mapfile -t others < <(go list ./internal/... | sed 's|^lifeline|.|' | grep -vxFf <(printf '%s\n' "${sequential[@]}"))
say 'tests under the race detector, in their short form'
# Code that starts no goroutine and decodes or computes sound is slow under the detector and has nothing for it to find.
# `audio` starts some: its own tests run under the detector. The code of SQLite, which is translated from C, and of the
# Lua interpreter of a fake Redis are others'. Their callers are under the detector.
# Packages of other modules are compiled without inlining here: that takes half the time.
foreign=()
for host in $(go list -deps -test -f '{{with .Module}}{{.Path}}{{end}}' ./... | cut -d/ -f1 | grep -v '^lifeline$' | sort -u); do
  foreign+=("-gcflags=$host/...=-l")
done
race() {
  local unseen='-race=false -d=checkptr=0'
  CGO_ENABLED=1 beside go test -p 4 -race -short -shuffle=on -vet=off -timeout 20m "${foreign[@]}" \
    "-gcflags=github.com/hajimehoshi/go-mp3/...=$unseen" "-gcflags=modernc.org/sqlite/lib=$unseen" \
    "-gcflags=modernc.org/libc/...=$unseen" "-gcflags=github.com/yuin/gopher-lua/...=$unseen" \
    "-gcflags=math=$unseen" "$@"
}
race ./audio/...
race -gcflags=lifeline/audio/...=-race=false -gcflags=lifeline/internal/playout/dsp=-race=false "${others[@]}"
# One client that asks one thing after another, and what starts no goroutine: only the tests that say so run under it.
race -gcflags=lifeline/audio/...=-race=false -gcflags=lifeline/internal/playout/dsp=-race=false \
  -run Concurrent ./cmd/endtoend ./schedules/...
say 'tests without the race detector'
beside go test -p 4 -shuffle=on -vet=off -timeout 20m ./schedules/... ./deploy "${sequential[@]}"
mapfile -t long < <(holders audio internal | grep -vxFf <(printf '%s\n' "${sequential[@]}"))
beside go test -p 4 -shuffle=on -vet=off -timeout 20m -run "^($(longer audio internal))$" "${long[@]}"
say 'end-to-end tests with real processes end'
wait "$endtoend" || failed=yes
endtoend=
cat "$tools/end-to-end"
if [ -n "${failed:-}" ]; then exit 1; fi
say 'all checks passed'
