#!/usr/bin/env bash
# Runs clang-tidy 14 (.clang-tidy) over the C++ files: all, or those given as arguments. Takes about ten seconds a
# file, so it is part of tests/run.sh --full only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/checks/common.bash

# A build that clang compiles: its commands are the ones clang-tidy understands.
preset=asan
cmake --preset "$preset" >/dev/null
# Generated headers have to be there.
cmake --build --preset "$preset" --target protos -j "$(nproc)"

files=("$@")
if [ ${#files[@]} -eq 0 ]; then
  mapfile -t files < <(project_files .cc)
fi
say "clang-tidy: ${#files[@]} files, $(nproc) at a time"
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy-14 --quiet -p "build/$preset" 2> >(grep -v 'warnings generated' >&2 || true)
say "clang-tidy: nothing to say"
