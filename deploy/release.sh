#!/usr/bin/env bash
# Makes a release from the commit that is checked out, in an empty folder:
#   deploy/release.sh VERSION KEY OUT [SYSTEM/ARCH...]
# VERSION: such as 1.2.0. KEY: the private key of releases (ssh-keygen), which is never in the tree.
# Without systems it makes all: linux/amd64 linux/arm64 linux/arm darwin/amd64 darwin/arm64 windows/amd64.
# LIFELINE_RELEASE_ONCE=yes builds once, from the caches of this machine, for a trial: such a release says so.
#
# Once, the owner of the project makes the key, keeps it apart, and puts its public half into the tree:
#   ssh-keygen -t ed25519 -C lifeline-release -f KEY
#   printf 'lifeline-release namespaces="lifeline-release" %s\n' "$(cut -d' ' -f1,2 KEY.pub)" >deploy/release.signers
# Whoever has a release verifies it with that file:
#   ssh-keygen -Y verify -f deploy/release.signers -I lifeline-release -n lifeline-release -s SHA256SUMS.sig <SHA256SUMS
#   sha256sum -c SHA256SUMS
set -euo pipefail
if (($# < 3)); then sed -n 's/^#   deploy/usage: deploy/p' "$0" >&2; exit 2; fi
version=$1 key=$(realpath "$2") out=$3
shift 3
targets=("$@")
if ((!${#targets[@]})); then
  targets=(linux/amd64 linux/arm64 linux/arm darwin/amd64 darwin/arm64 windows/amd64)
fi
cd "$(dirname "$0")/.."
signers=${LIFELINE_RELEASE_SIGNERS:-deploy/release.signers}
fail() { echo "release.sh: $*" >&2; exit 1; }

# The largest size of a stripped program on any system, in bytes. Whoever raises it says in the commit what for.
declare -A budget=([lifeline]=68000000 [playout]=19000000)

[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+([~.+-][0-9A-Za-z.~-]+)?$ ]] || fail "$version is no version such as 1.2.0"
[ -f "$signers" ] || fail "there is no $signers, the public half of the key: the head of this script says how to make it"
ssh-keygen -y -f "$key" | cut -d' ' -f1,2 | grep -qFf - "$signers" || fail "$key is not the key of $signers"
[ -z "$(git status --porcelain)" ] || fail 'the tree has changes that are not committed'
signers=$(realpath "$signers")
mkdir -p "$out"
[ -z "$(ls -A "$out")" ] || fail "$out is not empty"
out=$(realpath "$out")
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
say() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

build() { # folder of the result, folder of the source, cache ("": the machine's)
  local target name
  git clone -q --no-hardlinks . "$2"
  for target in "${targets[@]}"; do
    name=${target/\//-}
    mkdir -p "$1/$name"
    (
      cd "$2"
      if [ -n "$3" ]; then export GOCACHE=$3; fi
      # -buildvcs: the programs tell the commit that they were built from.
      GOOS=${target%/*} GOARCH=${target#*/} GOARM=7 GOFLAGS= CGO_ENABLED=0 \
        go build -trimpath -buildvcs=true -tags nomsgpack -ldflags='-s -w' -o "$1/$name/" ./cmd/lifeline ./cmd/playout
    )
    say "$target"
  done
}
say "programs of $(git rev-parse HEAD)"
if [ "${LIFELINE_RELEASE_ONCE:-}" = yes ]; then
  build "$work/first" "$work/source" ''
else
  build "$work/first" "$work/source" "$work/cache-first"
  build "$work/second" "$work/elsewhere" "$work/cache-second"
  diff -r "$work/first" "$work/second" || fail 'two builds differ'
  say 'two builds, in two folders with empty caches, are equal'
fi

for target in "${targets[@]}"; do
  dir=$work/first/${target/\//-}
  for program in lifeline playout; do
    file=$(ls "$dir/$program"*)
    size=$(stat -c %s "$file")
    printf '%s %s %s\n' "$target" "$program" "$size"
    ((size <= budget[$program])) || fail "$program of $target has $size bytes, more than ${budget[$program]}"
    if [[ $target = linux/* ]] && readelf -lS "$file" 2>/dev/null | grep -qE 'INTERP|\.symtab|\.debug_'; then
      fail "$program of $target is not static and stripped"
    fi
  done
done

here=$work/here # programs that this machine runs, for the manual pages
if [ -d "$work/first/linux-$(go env GOHOSTARCH)" ]; then
  here=$work/first/linux-$(go env GOHOSTARCH)
else
  mkdir "$here"
  CGO_ENABLED=0 GOFLAGS=-buildvcs=false go build -tags nomsgpack -o "$here" ./cmd/lifeline ./cmd/playout
fi
deploy/licences.sh >"$out/LICENCES.txt"
for target in "${targets[@]}"; do
  name=${target/\//-}
  dir=$work/first/$name
  for program in lifeline playout; do
    say "bill of materials, $name/$program"
    # The serial number is random and the time is now: without both, the same programs have the same bill.
    GOFLAGS= go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json -noserial -output-version 1.6 \
      -version "$version" -output "$work/bill" "$(ls "$dir/$program"*)"
    sed -E '/^ *"timestamp": "[^"]*",?$/d' "$work/bill" >"$out/$program-$version-$name.cdx.json"
  done
  cp LICENSE "$out/LICENCES.txt" "$dir"
  tar -C "$dir" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" -cf - . |
    gzip -9n >"$out/lifeline-$version-$name.tar.gz"
  case $target in
  linux/amd64) arch=amd64 ;;
  linux/arm64) arch=arm64 ;;
  linux/arm) arch=armhf ;;
  *) continue ;;
  esac
  say "packages, $name"
  deploy/packages.sh "$out" "$version" "$arch" "$dir" "$here"
  say "image, $name"
  storage=(--storage-driver vfs --root "$work/storage" --runroot "$work/run")
  deploy/image.sh "lifeline:$version" "${target#*/}" "$dir" "${storage[@]}"
  buildah "${storage[@]}" push "lifeline:$version" "oci-archive:$out/lifeline-$version-$name.image.tar:lifeline:$version"
done
if [ "${LIFELINE_RELEASE_ONCE:-}" = yes ]; then
  echo 'built once, from the caches of a machine: not proven to be reproducible' >"$out/TRIAL"
fi

say 'checksums'
(cd "$out" && find . -type f -printf '%P\n' | sort | xargs -d '\n' sha256sum >"$work/SHA256SUMS")
mv "$work/SHA256SUMS" "$out/SHA256SUMS"
ssh-keygen -q -Y sign -f "$key" -n lifeline-release "$out/SHA256SUMS"
ssh-keygen -Y verify -f "$signers" -I lifeline-release -n lifeline-release -s "$out/SHA256SUMS.sig" <"$out/SHA256SUMS"
ls -l "$out"
