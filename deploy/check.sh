#!/usr/bin/env bash
# The one test command: installs what the real tests need and is missing, then runs every check. It starts servers on
# free loopback ports only, through the tests that need them, and stops what it started.
set -euo pipefail
cd "$(dirname "$0")/.."

# What the tests run for real, and the package that brings it.
needs=(
  gcc:gcc curl:curl tar:tar gzip:gzip sha256sum:coreutils
  ffmpeg:ffmpeg sox:sox lame:lame mpg123:mpg123 espeak-ng:espeak-ng
  node:nodejs npm:npm
  redis-server:redis-server redis-benchmark:redis-tools
  liquidsoap:liquidsoap mpd:mpd mpc:mpc ezstream:ezstream icecast2:icecast2 xmllint:libxml2-utils
  chromium:chromium
)
missing=()
for need in "${needs[@]}"; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need#*:}")
done
if ((${#missing[@]})); then
  sudo=()
  if [ "$(id -u)" != 0 ]; then sudo=(sudo); fi
  if [ ! -e /usr/sbin/policy-rc.d ]; then # the tests start their own servers: no package shall start one
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" install -m 755 /dev/stdin /usr/sbin/policy-rc.d
    trap '"${sudo[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  "${sudo[@]}" apt-get update -q
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

say() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

say 'format'
unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
  printf 'gofmt would change:\n%s\n' "$unformatted"
  exit 1
fi
say 'vet'
go vet ./...
say 'staticcheck'
go tool staticcheck ./...
say 'dead code'
dead=$(go tool deadcode -test ./...)
if [ -n "$dead" ]; then
  printf '%s\n' "$dead"
  exit 1
fi
say 'build without cgo, for the machines that stations have'
for target in linux/amd64 linux/arm64 windows/amd64; do
  CGO_ENABLED=0 GOOS=${target%/*} GOARCH=${target#*/} go build -o /dev/null ./cmd/lifeline
  CGO_ENABLED=0 GOOS=${target%/*} GOARCH=${target#*/} go build -o /dev/null ./cmd/playout
done
say 'tests'
go test -timeout 20m ./...
say 'tests under the race detector, in their short form'
go test -race -short -timeout 20m ./...
say 'all checks passed'
