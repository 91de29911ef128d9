#!/usr/bin/env bash
# Builds the packages twice and compares them, lints them, and installs, upgrades, removes and purges them in a Debian
# that systemd has booted, where service and player run under their units. Needs root, and the Debian packages lintian,
# debootstrap and systemd-container. LIFELINE_PROVE_DIR keeps the Debian tree from one run to the next.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
keep=${LIFELINE_PROVE_DIR:-$work}
mkdir -p "$keep"
say() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

say 'programs'
mkdir "$work/bin" "$work/old" "$work/new" "$work/again"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags nomsgpack -ldflags='-s -w' -o "$work/bin" ./cmd/lifeline ./cmd/playout
say 'packages'
deploy/packages.sh "$work/old" 0.1 amd64 "$work/bin"
deploy/packages.sh "$work/new" 0.2 amd64 "$work/bin"
deploy/packages.sh "$work/again" 0.2 amd64 "$work/bin"
diff -r "$work/new" "$work/again"
ls -l "$work/new"
say 'lintian'
lintian --allow-root --fail-on error,warning "$work"/new/*.deb

say 'Debian'
root=$keep/bookworm
if [ ! -e "$root/etc/debian_version" ]; then
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
    awk '$2 == "bookworm" { print $1; exit }') # where this machine gets its packages; none: where debootstrap does
  debootstrap --variant=minbase \
    --include=systemd,systemd-sysv,dbus,ca-certificates,adduser,procps,curl,alsa-utils,chrony,init-system-helpers \
    bookworm "$root" ${mirror:+"$mirror"}
fi
cp -a "$root" "$work/root"
root=$work/root
mkdir "$root/debs"
cp -r "$work/old" "$work/new" "$root/debs"
cp deploy/packages/inside.sh "$root/debs/inside.sh"
cat >"$root/etc/systemd/system/inside.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/bash /debs/inside.sh
ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS >/debs/rc; systemctl --no-block poweroff'
StandardOutput=file:/debs/log
StandardError=inherit
UNIT
mkdir -p "$root/etc/systemd/system/default.target.wants"
ln -s ../inside.service "$root/etc/systemd/system/default.target.wants/inside.service"
say 'boot'
unshare -m --propagation private sh -c "mount -t tmpfs tmpfs /run; exec timeout -s KILL 300 systemd-nspawn --quiet \
  --register=no --keep-unit -D '$root' --boot --console=read-only --private-network" >"$work/console" 2>&1 || true
cat "$root/debs/log"
if [ "$(cat "$root/debs/rc" 2>/dev/null)" != 0 ]; then
  tail -n 20 "$work/console"
  echo 'the booted Debian refused the packages' >&2
  exit 1
fi
say 'all holds'
