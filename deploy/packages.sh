#!/usr/bin/env bash
# Packs the programs in a folder as lifeline_*.deb and lifeline-playout_*.deb. Manual pages, configuration files and
# completion come from programs that this machine runs, of the same commit.
#   deploy/packages.sh OUT VERSION ARCH PROGRAMS [PROGRAMS-THAT-RUN-HERE]     ARCH: amd64, arm64, armhf
set -euo pipefail
if (($# < 4)); then sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; fi
mkdir -p "$1"
out=$(realpath "$1") bin=$(realpath "$4") here=$(realpath "${5:-$4}")
export VERSION=$2 ARCH=$3 BIN=$bin
export GOFLAGS=-buildvcs=false CGO_ENABLED=0
cd "$(dirname "$0")/packages"
case $ARCH in armhf) export ARCH=arm7 ;; esac
date=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH=$date MADE MAINTAINER
MAINTAINER=${LIFELINE_MAINTAINER:-$(git log -1 --format='%an <%ae>')}
MADE=$(mktemp -d)
trap 'rm -rf "$MADE"' EXIT

# Printed without the settings of whoever packs.
plain() { env -i PATH="$PATH" HOME=/nonexistent "$@"; }
plain "$here/lifeline" manual | gzip -9n >"$MADE/lifeline.1.gz"
plain "$here/playout" manual | gzip -9n >"$MADE/playout.1.gz"
echo 'complete -o default -o bashdefault -C /usr/bin/lifeline lifeline' >"$MADE/lifeline.completion"
echo 'complete -o default -o bashdefault -C /usr/bin/playout playout' >"$MADE/playout.completion"
plain "$here/playout" manual --settings run >"$MADE/playout.yaml"
plain "$here/lifeline" manual --settings serve | sed 's|^#data: "data"$|data: /var/lib/lifeline|' >"$MADE/lifeline.yaml"
grep -qx 'data: /var/lib/lifeline' "$MADE/lifeline.yaml"

for package in lifeline lifeline-playout; do
  printf '%s (%s) unstable; urgency=medium\n\n  * Built from the commit %s.\n\n -- %s  %s\n' "$package" \
    "$VERSION" "$(git rev-parse HEAD)" "$MAINTAINER" "$(date -u -R -d "@$date")" |
    gzip -9n >"$MADE/$package.changelog.gz"
  # Go links everything into the program.
  printf '%s: statically-linked-binary [usr/bin/*]\n' "$package" >"$MADE/$package.overrides"
done
# The stations' own files may hold tokens.
echo 'lifeline-playout: non-standard-dir-perm 0700 != 0755 [etc/lifeline/playout/]' >>"$MADE/lifeline-playout.overrides"
{
  printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\n'
  sed -n 's/^Copyright (c) /Copyright: /p' ../../LICENSE
  printf 'License: MIT\n'
  sed '1,/^Copyright/d' ../../LICENSE | sed '/./,$!d; s/^$/./; s/^/ /'
  printf 'Comment: The licences of the Go modules in the programs are in licences.gz beside this file.\n'
} >"$MADE/copyright"
../licences.sh | gzip -9n >"$MADE/licences.gz"

for package in lifeline lifeline-playout; do
  go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2 package -p deb -f "$package.yaml" -t "$out"
done
