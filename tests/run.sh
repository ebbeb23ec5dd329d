#!/usr/bin/env bash
# Installs, builds and tests; ends with one line of what passed, failed and was skipped. Safe to run again.
set -uo pipefail

usage() {
  cat <<'USAGE'
usage: tests/run.sh [--full] [--no-install] [--jobs N]

By default: the release build with all tests, the address and undefined-behaviour sanitizers with the unit tests,
the thread sanitizer with the tests labelled concurrency, and the checks of tests/checks.

  --full         every test in all three builds, and clang-tidy
  --no-install   leave the machine's packages alone
  --jobs N       compile and test N at a time; default: the number of cores

Tests on real data look for it under $SDA_TEST_DATA, by default ../shared/data beside this repository, and are
skipped where there is none.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
source deploy/deps/log.sh

full=no
install=yes
jobs=$(nproc)
while [ $# -gt 0 ]; do
  case $1 in
    --full) full=yes ;;
    --no-install) install=no ;;
    --jobs)
      jobs=${2:?--jobs needs a number}
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *)
      usage >&2
      die "unknown option $1"
      ;;
  esac
  shift
done

if [ -z "${SDA_TEST_DATA:-}" ] && [ -d "$root/../shared/data" ]; then
  SDA_TEST_DATA=$(cd "$root/../shared/data" && pwd)
fi
export SDA_TEST_DATA=${SDA_TEST_DATA:-}
export GTEST_COLOR=no CTEST_OUTPUT_ON_FAILURE=1
unset CTEST_PARALLEL_LEVEL

passed=0 failed=0 skipped=0
failures=() timings=()

count() { # count PASSED FAILED SKIPPED
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

fail() {
  failures+=("$1")
  count 0 1 0
}

phase() { # phase NAME COMMAND…: runs and times it
  local name=$1 start=$SECONDS status=0
  shift
  say "$name: starts at $(clock)"
  "$@" </dev/null || status=$?
  timings+=("$(printf '%6d s  %s' $((SECONDS - start)) "$name")")
  say "$name: $((SECONDS - start)) s"
  return $status
}

clock() { printf '%d:%02d' $((SECONDS / 60)) $((SECONDS % 60)); }

build() { # build PRESET TARGET
  cmake --preset "$1" && cmake --build --preset "$1" --target "$2" -j "$jobs"
}

# GCC 12 and clang 14 place the sanitizer's memory where newer kernels may put a program's: without address
# randomisation there is no collision.
without_randomisation=()
if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ]; then
  without_randomisation=(setarch --addr-no-randomize)
fi

run_ctest() { # run_ctest PRESET LABEL (a label of "" means every test)
  local dir=build/$1 only=()
  [ -z "$2" ] || only=(-L "^$2\$")
  rm -rf "$dir/test-reports" "$dir/ctest.xml"
  "${without_randomisation[@]}" ctest --test-dir "$dir" -j "$jobs" --no-tests=error \
    --output-junit "$root/$dir/ctest.xml" "${only[@]}"
}

# What a preset's tests gave, one by one: programs that left no report count as failed.
count_tests() { # count_tests PRESET
  local line numbers
  while IFS= read -r line; do
    case $line in
      "FAILED "*) failures+=("$1: ${line#FAILED }") ;;
      "COUNTS "*) read -r -a numbers <<<"${line#COUNTS }" && count "${numbers[@]}" && say "$1: ${numbers[0]} passed, ${numbers[1]} failed, ${numbers[2]} skipped" ;;
      *) echo "$line" ;;
    esac
  done < <(python3 tests/runner/count_results.py "build/$1" || echo "COUNTS 0 1 0")
}

build_and_test() { # build_and_test PRESET TARGET LABEL
  if ! phase "$1: build" build "$1" "$2"; then
    fail "$1: the build"
    return
  fi
  phase "$1: test" run_ctest "$1" "$3"
  count_tests "$1"
}

run_checks() {
  local check status
  for check in tests/checks/*.sh; do
    status=0
    bash "$check" || status=$?
    case $status in
      0) say "check $(basename "$check" .sh): passed" && count 1 0 0 ;;
      77) say "check $(basename "$check" .sh): skipped" && count 0 0 1 ;;
      *) say "check $(basename "$check" .sh): FAILED" && fail "check $check" ;;
    esac
  done
}

say "what runs: release (all tests), asan ($([ $full = yes ] && echo all || echo unit) tests), tsan ($([ $full = yes ] && echo all || echo concurrency) tests), checks$([ $full = yes ] && echo ', clang-tidy')"
say "real data: ${SDA_TEST_DATA:-none, its tests are skipped}"
if [ $install = yes ]; then
  phase "install" bash deploy/install-deps.sh --test --tsan || fail "install"
fi
phase "checks" run_checks
build_and_test release all ""
if [ $full = yes ]; then
  build_and_test asan all ""
  build_and_test tsan all ""
  if phase "clang-tidy" bash tests/tidy.sh; then count 1 0 0; else fail "clang-tidy"; fi
else
  build_and_test asan unit-tests unit
  build_and_test tsan concurrency-tests concurrency
fi

say "time: $(clock) minutes in all"
[ ${#timings[@]} -eq 0 ] || printf '%s\n' "${timings[@]}" >&2
[ ${#failures[@]} -eq 0 ] || {
  say "failed:"
  printf '  %s\n' "${failures[@]}" >&2
}
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
