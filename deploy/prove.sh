#!/usr/bin/env bash
# The long proofs, by name; each prints its figures. check.sh runs a short form of each.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
crash) # kill -9 of the service in the middle of uploads, plans, publications and as-run reports
  LIFELINE_CRASH_ROUNDS="${2:-50}" go test ./cmd/lifeline -count=1 -timeout 60m -v -run TestKillingTheServiceLosesNothingAcknowledged
  ;;
*)
  sed -n 's/^\([a-z-]*\)) # /  \1: /p' "$0" >&2
  exit 2
  ;;
esac
