#!/usr/bin/env bash
# From a fresh machine to a trained model: installs, builds, makes up a click log, tunes and trains on it, and shows
# the trials, the best one and where the model lies. Safe to run again: what is there is used, each time makes a
# new run.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: deploy/quickstart.sh [--rows N] [--seed S] [--budget N] [--state DIR]

  --rows N      rows of the made-up click log; default 100000
  --seed S      its seed; default 1
  --budget N    trials; default 8
  --state DIR   where datasets, runs and models are kept; default sda-state in this repository
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source "$root/deploy/deps/log.sh"
rows=100000 seed=1 budget=8 state=$root/sda-state
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --rows | --seed | --budget | --state)
      [ $# -ge 2 ] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    *)
      usage >&2
      die "unknown option $1"
      ;;
  esac
  shift
done
mkdir -p "$state"
state=$(cd "$state" && pwd)
cd "$root"

say "1 of 4: installing what building needs"
bash deploy/install-deps.sh --build </dev/null

say "2 of 4: building (some minutes the first time)"
cmake --preset release
cmake --build --preset release --target programs -j "$(nproc)"
sda=build/release/bin/sda

start=$SECONDS
clicks=build/quickstart/criteo-$rows-$seed.tsv
if [ -s "$clicks" ]; then
  say "3 of 4: click log $clicks is there already"
else
  say "3 of 4: making up a click log of $rows rows"
  mkdir -p build/quickstart
  "$sda" datagen criteo --rows "$rows" --seed "$seed" --output "$clicks"
fi

say "4 of 4: the main job: $budget trials, two at a time"
command=("$sda" run --data "$clicks" --label 0 --seed "$seed" --budget "$budget" --parallel 2 --state "$state")
say "${command[*]}"
status=0
"${command[@]}" </dev/null || status=$?
case $status in
  0 | 3) say "the main job took $((SECONDS - start)) s; everything it made lies in $state" ;;
  *) die "the main job ended with exit code $status" ;;
esac
