#!/usr/bin/env bash
# Builds the image twice and compares the digests; runs it with podman, not root, without capabilities and with a root
# that is read-only; asks for its health; stops it, starts it again, and looks for its data. Needs root, and the Debian
# packages buildah, podman and runc.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
port=28733
options=(--storage-driver vfs --root "$work/storage" --runroot "$work/run")
pod() {
  podman "${options[@]}" --cgroup-manager=cgroupfs --events-backend=file --runtime runc "$@"
}
tidy() {
  pod rm -f -t 5 lifeline >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap tidy EXIT
say() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

say 'build, twice'
mkdir "$work/bin"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags nomsgpack -ldflags='-s -w' -o "$work/bin" ./cmd/lifeline
digests=()
for n in 1 2; do
  deploy/image.sh "lifeline:$n" amd64 "$work/bin" "${options[@]}"
  digests+=("$(pod image inspect --format '{{.Digest}}' "lifeline:$n")")
  touch "$work/bin/lifeline"
done
echo "${digests[@]}"
[ "${digests[0]}" = "${digests[1]}" ]
pod image inspect --format 'size {{.Size}}, user {{.User}}, health {{.HealthCheck}}' lifeline:1

say 'without a word about TLS it refuses other machines'
once() { pod run --rm --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --no-healthcheck --network=host --read-only \
  --cap-drop=all --security-opt=no-new-privileges "$@"; }
if once lifeline:1 >"$work/refused" 2>&1; then exit 1; fi
grep -- --serve-plain-http "$work/refused"

say 'run'
pod run -d --name lifeline --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 --no-healthcheck --network=host --read-only \
  --cap-drop=all --security-opt=no-new-privileges -v lldata:/var/lib/lifeline -e "LIFELINE_LISTEN=127.0.0.1:$port" \
  -e "LIFELINE_SERVER=http://127.0.0.1:$port" lifeline:1
waits() {
  for _ in $(seq 60); do if pod exec lifeline /lifeline health; then return; fi; sleep 0.5; done
  pod logs lifeline
  return 1
}
waits
pid=$(pod inspect --format '{{.State.Pid}}' lifeline)
grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status"
grep -qE '^Uid:\s+65532\s' "/proc/$pid/status"
for set in Eff Bnd Prm; do grep -qE "^Cap$set:\s+0+$" "/proc/$pid/status"; done
grep -qE ' / / ro[, ]' "/proc/$pid/mountinfo" || grep -E ' / ro[, ]' "/proc/$pid/mountinfo"
pod exec lifeline /lifeline token create --name Ada --role admin >"$work/made"
token=$(grep -oE 'lifeline_[A-Za-z0-9_-]+' "$work/made" | head -1)

say 'stop, start: the data is there'
pod stop -t 20 lifeline
[ "$(pod inspect --format '{{.State.ExitCode}}' lifeline)" = 0 ]
pod start lifeline
waits
pod exec -e "LIFELINE_TOKEN=$token" lifeline /lifeline token list
say 'all holds'
