#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy) over the C++ files: all, or those given as arguments. All take about half an hour on
# two cores, so it is part of tests/run.sh --full only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/checks/common.bash

tidy=$(test_program clang-tidy CLANG_TIDY)

# A build that clang compiles: its commands are the ones clang-tidy understands.
preset=asan
cmake --preset "$preset" >/dev/null
# Generated headers have to be there.
cmake --build --preset "$preset" --target protos -j "$(nproc)"

files=("$@")
if [ ${#files[@]} -eq 0 ]; then
  # Templates that a build compiles once for each of many names (tests/fuzz) are not among its commands.
  mapfile -t files < <(project_files .cc | while read -r file; do
    ! grep -qF "/$file\"" "build/$preset/compile_commands.json" || echo "$file"
  done)
fi
say "clang-tidy: ${#files[@]} files, $(nproc) at a time"
# It comes without the sanitizers' headers, and needs none of what they add.
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(nproc)" "$tidy" --quiet --extra-arg=-fno-sanitize=all -p "build/$preset" \
    2> >(grep -v 'warnings\? generated\|^Suppressed\|^Use -header-filter' >&2 || true)
say "clang-tidy: nothing to say"
