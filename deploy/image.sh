#!/usr/bin/env bash
# Builds the image of the service with buildah, from a folder with the program of the image's architecture.
#   deploy/image.sh NAME ARCH PROGRAMS [BUILDAH-OPTION...]     ARCH: amd64, arm64, arm
set -euo pipefail
if (($# < 3)); then sed -n 's/^#   /usage: /p' "$0" >&2; exit 2; fi
name=$1 arch=$2 programs=$(realpath "$3")
shift 3
cd "$(dirname "$0")/.."
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
# The same bytes, times and modes give the same image.
install -m 755 "$programs/lifeline" "$context/lifeline"
install -m 644 /etc/ssl/certs/ca-certificates.crt "$context/ca-certificates.crt"
mkdir -m 700 "$context/data"
cp deploy/image/Containerfile "$context/Containerfile"
buildah "$@" bud --isolation chroot --format oci --timestamp "$(git log -1 --format=%ct)" --no-cache --platform "linux/$arch" \
  --label "org.opencontainers.image.revision=$(git rev-parse HEAD)" --label org.opencontainers.image.licenses=MIT \
  --tag "$name" "$context"
