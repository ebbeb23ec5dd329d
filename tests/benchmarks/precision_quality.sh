#!/usr/bin/env bash
# What bfloat16 costs in AUC: makes a click log, encodes it, and trains on it in pairs (sda-bench quality).
#   bash tests/benchmarks/precision_quality.sh [FOLDER] [ROWS] [SEEDS]
# FOLDER (default: quality) keeps log and dataset for the next run. Programs from $SDA_BIN (build/release/bin).
# The exit code is that of sda-bench quality: 0 within the bound, 3 beyond it.
set -euo pipefail
bin=${SDA_BIN:-build/release/bin}
folder=${1:-quality} rows=${2:-2500000} seeds=${3:-3}
mkdir -p "$folder"
dataset=$folder/artefacts/datasets/clicks

if [[ ! -f $folder/clicks.tsv ]]; then
  "$bin/sda" datagen criteo --rows "$rows" --seed 1 --output "$folder/clicks.tsv"
fi
if [[ ! -f $dataset/manifest.json ]]; then
  rm -f "$folder/preprocessing.json"
  "$bin/sda-preprocessing" --artefacts "$folder/artefacts" --announce "$folder/preprocessing.json" \
    --log-level warning &
  server=$!
  trap 'kill "$server" 2>/dev/null || true' EXIT
  for _ in $(seq 600); do
    [[ -f $folder/preprocessing.json ]] && break
    sleep 0.1
  done
  address=$(sed -n 's/.*"address": *"\([^"]*\)".*/\1/p' "$folder/preprocessing.json")
  "$bin/sda" dataset create --preprocessing "$address" --data "$(realpath "$folder/clicks.tsv")" --label 0 --name clicks
  kill "$server"
  wait "$server" || true
  trap - EXIT
fi
exec "$bin/sda-bench" quality --dataset "$dataset" --work "$folder/work" --seeds "$seeds" --json
