#!/usr/bin/env bash
# Lays out the C++ files and protos with clang-format 14.
#   tests/format.sh --check   names the files that differ and fails
#   tests/format.sh --fix     rewrites them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/checks/common.bash

mapfile -t files < <(project_files .h .cc .proto)
case ${1:---check} in
  --fix) printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P "$(nproc)" clang-format-14 -i ;;
  --check)
    wrong=$(printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P "$(nproc)" clang-format-14 --dry-run 2>&1 |
      sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: warning: .*/\1/p' | sort | uniq -c)
    if [ -n "$wrong" ]; then
      say "places that clang-format would change (tests/format.sh --fix):"
      echo "$wrong" >&2
      exit 1
    fi
    ;;
  *) die "usage: tests/format.sh [--check|--fix]" ;;
esac
