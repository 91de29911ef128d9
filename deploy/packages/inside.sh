#!/bin/bash
# What prove.sh asserts of the packages, run by the systemd that has booted.
set -euo pipefail
trap 'echo "line $LINENO: $BASH_COMMAND"; systemctl --no-pager status lifeline playout@harbour-dawn || true
  journalctl --no-pager -n 60 -u lifeline -u "playout@*" || true' ERR
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
url=http://127.0.0.1:8080
ready() { lifeline health --server $url; }
waits() { # command...: until it holds, for a minute at most
  for _ in $(seq 120); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.5; done
  "$@"
}
of() { systemctl show --value -p "$1" "${2:-lifeline}"; }

echo '-- install'
dpkg -i /debs/old/*.deb
[ "$(systemctl is-enabled lifeline)" = enabled ]
systemctl is-active lifeline
ready
pid=$(of MainPID)
grep -q '^CapBnd:\s*0*$' "/proc/$pid/status"
grep -q '^Seccomp:\s*2$' "/proc/$pid/status"
[ "$(stat -c %U "/proc/$pid")" = lifeline ]
[ "$(of WatchdogUSec)" = 1min ]
lifeline version

echo '-- an administrator, by the command that the README shows'
runuser -u lifeline -- lifeline token create --config /etc/lifeline/lifeline.yaml --name Ada --role admin >/tmp/made
token=$(grep -oE 'lifeline_[A-Za-z0-9_-]+' /tmp/made | head -1)
LIFELINE_TOKEN=$token lifeline stations --server $url || [ $? = 4 ]

echo '-- kill -9: systemd starts it anew'
kill -9 "$pid"
waits ready
[ "$(of NRestarts)" = 1 ]

echo '-- a credential that only root can read'
mkdir -p /etc/lifeline/secrets /etc/systemd/system/lifeline.service.d
install -m 600 /var/lib/lifeline/signing.key /etc/lifeline/secrets/signing.key
rm /var/lib/lifeline/signing.key
sed '/^# The address of a Redis/,$d' /usr/share/doc/lifeline/examples/credentials.conf \
  >/etc/systemd/system/lifeline.service.d/credentials.conf
systemctl daemon-reload
systemctl restart lifeline
ready
[ ! -e /var/lib/lifeline/signing.key ]

echo '-- a player'
cat >/etc/lifeline/playout/harbour-dawn.yaml <<YAML
server: $url
trust-on-first-use: true
token: $token
output: ["pcm:/dev/null"]
listen: 127.0.0.1:8090
YAML
chmod 600 /etc/lifeline/playout/harbour-dawn.yaml
# There is no time to be had in here: without this, the player would start after three minutes.
systemctl list-dependencies playout@harbour-dawn | grep chrony-wait
systemctl mask --runtime chrony-wait
systemctl start playout@harbour-dawn
player=$(of MainPID playout@harbour-dawn)
chrt -p "$player" | grep -q SCHED_RR
[ "$(stat -c %U "/proc/$player")" = lifeline-playout ]
grep -q '^CapBnd:\s*0*$' "/proc/$player/status"
curl -fsS http://127.0.0.1:8090/status.json | head -c 200
ls -ld /var/lib/lifeline-playout/harbour-dawn
echo
# A file of the group audio stands for a sound card: there is none here.
install -m 660 -g audio /dev/null /card
systemd-run --quiet --wait --pipe -p User=lifeline-playout -p Group=audio -p PrivateUsers=yes sh -c 'echo sound >/card'

echo '-- upgrade: data and an edited configuration file stay'
sed -i 's|^#log-level: .*|log-level: debug|' /etc/lifeline/lifeline.yaml
started=$(of MainPID)
dpkg -i /debs/new/*.deb
waits ready
[ "$(of MainPID)" != "$started" ]
[ "$(of MainPID playout@harbour-dawn)" = "$player" ]
grep -qx 'log-level: debug' /etc/lifeline/lifeline.yaml
LIFELINE_TOKEN=$token lifeline stations --server $url || [ $? = 4 ]

echo '-- remove: data stays'
dpkg -r lifeline lifeline-playout
for unit in lifeline playout@harbour-dawn; do
  if systemctl is-active "$unit"; then exit 1; fi
done
[ -e /var/lib/lifeline/lifeline.db ] && [ -d /var/lib/lifeline-playout/harbour-dawn ]
grep -qx 'log-level: debug' /etc/lifeline/lifeline.yaml

echo '-- purge: nothing stays'
rm -r /etc/lifeline/secrets
dpkg -P lifeline lifeline-playout
[ ! -e /var/lib/lifeline ] && [ ! -e /var/lib/lifeline-playout ] && [ ! -e /etc/lifeline ]
echo '-- all holds'
