#!/usr/bin/env bash
# Prints the licences of all modules whose code is in the programs, as their authors distribute them.
set -euo pipefail
cd "$(dirname "$0")/.."
go list -deps -tags nomsgpack -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' \
  ./cmd/... | sort -u | while read -r module version dir; do
  printf '\n==== %s %s\n' "$module" "$version"
  found=
  for file in "$dir"/{LICENSE,LICENCE,COPYING,NOTICE,UNLICENSE}*; do
    if [ -f "$file" ] && [[ $file != *.go ]]; then
      printf -- '---- %s\n' "${file##*/}"
      tr -d '\r\f' <"$file"
      found=yes
    fi
  done
  if [ -z "$found" ]; then
    echo "$module has no file with its licence" >&2
    exit 1
  fi
done
printf '\n==== Go %s\n' "$(go env GOVERSION)"
cat "$(go env GOROOT)/LICENSE"
