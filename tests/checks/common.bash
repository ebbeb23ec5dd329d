# Shared by the checks; sourced with the repository root as working folder.
# shellcheck shell=bash
source deploy/deps/log.sh
source deploy/deps/wheels.sh

# test_program NAME PIN: the path of a program that deploy/install-deps.sh --test unpacked.
test_program() {
  local program
  program=${SDA_DEPS_DIR:-$HOME/.cache/sda/deps}/$1-$(pinned "SDA_$2_VERSION")/$1
  [ -x "$program" ] || die "no $1 in $(dirname "$program"): run deploy/install-deps.sh --test"
  echo "$program"
}

buf() {
  local program
  program=$(test_program buf BUF)
  "$program" "$@"
}

# The repository's own files with one of the given name endings: known to git, or new and not ignored. Outside of
# a git checkout (an unpacked archive): every file that is not a build output.
project_files() {
  local patterns=() ending
  for ending in "$@"; do patterns+=("*$ending"); done
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard -- "${patterns[@]}" | sort -u | while read -r ending; do
      # A file deleted but not yet committed is still listed.
      [ ! -f "$ending" ] || echo "$ending"
    done
  else
    for ending in "${patterns[@]}"; do
      find . -path ./build -prune -o -type f -name "$ending" -print | sed 's|^\./||'
    done | sort -u
  fi
}
