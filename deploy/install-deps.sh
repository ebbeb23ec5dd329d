#!/usr/bin/env bash
# Installs what SDA needs on Debian 12 (amd64). Run it as root or with sudo at hand; running it again is quick
# and changes nothing. Everything comes from the package sources and the Python registry that the machine is
# set up with.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/deps/packages.sh"
source "$here/deps/log.sh"
source "$here/deps/apt.sh"
source "$here/deps/wheels.sh"
source "$here/deps/abseil_tsan.sh"

usage() {
  cat <<'USAGE'
usage: deploy/install-deps.sh [--build] [--test] [--tsan] [--runtime] [--containers] [--deps-dir DIR]

  --build       compilers, libraries and Apache Arrow: what building and running needs (the default)
  --test        --build, and clang with its sanitizers, buf, clang-format, clang-tidy, shellcheck, docker-compose,
                ONNX Runtime, Apache Spark, SeaweedFS
  --tsan        --build, and an Abseil instrumented for the thread sanitizer
  --runtime     only the shared libraries that the finished binaries load (Arrow's two are copied with them)
  --containers  Docker, docker-compose and debootstrap
  --deps-dir    where to put what Debian does not package; default $SDA_DEPS_DIR, else ~/.cache/sda/deps
USAGE
}

sets=()
deps_dir=${SDA_DEPS_DIR:-$HOME/.cache/sda/deps}
while [ $# -gt 0 ]; do
  case $1 in
    --build | --test | --tsan | --runtime | --containers) sets+=("${1#--}") ;;
    --deps-dir)
      [ $# -ge 2 ] || die "--deps-dir needs a folder"
      deps_dir=$2
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
[ ${#sets[@]} -gt 0 ] || sets=(build)

wants() {
  local set
  for set in "${sets[@]}"; do [ "$set" = "$1" ] && return 0; done
  return 1
}

require_debian_12

packages=()
arrow=no
if wants build || wants test || wants tsan; then
  packages+=("${build_packages[@]}")
  arrow=yes
fi
if wants test; then packages+=("${test_packages[@]}"); fi
if wants tsan; then packages+=("${tsan_packages[@]}"); fi
if wants runtime; then packages+=("${runtime_packages[@]}"); fi
if wants containers; then packages+=("${container_packages[@]}"); fi
install_debian_packages "${packages[@]}"

if [ "$arrow" = yes ]; then install_arrow "$deps_dir"; fi
if wants test; then
  install_buf "$deps_dir"
  install_clang_tidy "$deps_dir"
  install_onnxruntime "$deps_dir"
  install_weed "$deps_dir"
  install_pyspark "$deps_dir"
fi
if wants tsan; then install_abseil_tsan "$deps_dir"; fi
say "done: ${sets[*]} in $SECONDS s"
