# How the scripts speak: progress on standard error, so that standard output stays free for results.
# shellcheck shell=bash
say() { printf '[%s] %s\n' "$(basename "$0")" "$*" >&2; }
die() {
  say "error: $*"
  exit 1
}
