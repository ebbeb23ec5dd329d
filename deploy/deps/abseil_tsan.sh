# The one library of Abseil that the thread sanitizer must see into: absl::Mutex and what stands on it. Debian's is
# not instrumented, so the sanitizer misses the ordering that the mutexes inside gRPC create and reports hundreds of
# races that are none. It is rebuilt from Debian's own source of the installed version: same soname, same ABI, so
# that gRPC loads it unchanged.
#
# Only libabsl_synchronization is rebuilt. The others guard their data with means that libgrpc, uninstrumented,
# orders: instrumented they report races of their own, and a SpinLock whose inline half lies in an uninstrumented
# library makes the sanitizer itself abort.
# shellcheck shell=bash

# Writes the machine's own Debian sources, as source-package lines, below the given private folder.
private_source_lists() {
  local dir=$1 codename file
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mkdir -p "$dir/parts" "$dir/lists/partial" "$dir/cache/archives/partial"
  : >"$dir/sources.list"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -r "$file" ] || continue
    # One line a source: type, options in brackets, address, suite. Suites of other projects are left alone.
    sed -nE "s/^deb(-src)?([[:space:]]+(\[[^]]*\][[:space:]]+)?[^[:space:]]+[[:space:]]+$codename(-[a-z]+)?[[:space:]])/deb-src\2/p" \
      "$file" >>"$dir/sources.list"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -r "$file" ] || continue
    # Stanzas of fields, separated by empty lines.
    awk -v codename="$codename" '
      function flush() { if (suite) printf "%s\n", stanza; stanza = ""; suite = 0 }
      /^[[:space:]]*$/ { flush(); next }
      /^Types:/ { $0 = "Types: deb-src" }
      /^Suites:/ { for (i = 2; i <= NF; i++) if ($i == codename || index($i, codename "-") == 1) suite = 1 }
      { stanza = stanza $0 "\n" }
      END { flush() }' "$file" >"$dir/parts/$(basename "$file")"
  done
  sort -u -o "$dir/sources.list" "$dir/sources.list"
}

# Downloads Debian's source of abseil in the given version into the current folder, verified by apt; the
# system's own lists and configuration stay as they are.
fetch_abseil_source() {
  local dir=$1 version=$2
  local apt=(apt-get -q -o "Dir::Etc::SourceList=$dir/sources.list" -o "Dir::Etc::SourceParts=$dir/parts"
    -o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache" -o APT::Sandbox::User="$(id -un)")
  private_source_lists "$dir"
  "${apt[@]}" update >&2 </dev/null
  "${apt[@]}" source --download-only "abseil=$version" >&2 </dev/null
}

build_synchronization() {
  local source=$1 build=$2 output=$3
  cmake -S "$source" -B "$build" -G Ninja -Wno-dev -DCMAKE_CXX_COMPILER=clang++-14 -DCMAKE_CXX_STANDARD=17 \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS="-fsanitize=thread -fno-omit-frame-pointer" \
    -DBUILD_SHARED_LIBS=ON -DBUILD_TESTING=OFF -DCMAKE_SKIP_RPATH=ON \
    -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$output" || return
  cmake --build "$build" --target synchronization
}

install_abseil_tsan() {
  local deps_dir=$1 version target work
  version=$(dpkg-query -W -f '${source:Version}' libabsl-dev)
  target=$deps_dir/abseil-tsan-$version
  if [ ! -d "$target" ]; then
    mkdir -p "$deps_dir"
    work=$(mktemp -d "$deps_dir/.abseil-XXXXXX")
    # shellcheck disable=SC2064  # the folder of this call
    trap "rm -rf '$work'" EXIT
    say "Abseil $version: fetching Debian's source"
    (cd "$work" && fetch_abseil_source "$work/apt" "$version" && dpkg-source -x ./*.dsc source >&2)
    say "Abseil $version: building libabsl_synchronization with -fsanitize=thread"
    if ! build_synchronization "$work/source" "$work/build" "$work/lib" >"$work/build.log" 2>&1; then
      tail -n 40 "$work/build.log" >&2
      die "Abseil $version does not build"
    fi
    mkdir -p "$work/install/lib"
    cp -a "$work"/lib/libabsl_synchronization.so* "$work/install/lib/"
    mv -T "$work/install" "$target" 2>/dev/null || [ -d "$target" ] || die "cannot write $target"
    rm -rf "$work"
    trap - EXIT
    say "Abseil $version: instrumented library in $target"
  else
    say "Abseil $version for the thread sanitizer: present"
  fi
  # What the build looks for (cmake/SdaToolchain.cmake), whatever the version.
  ln -sfn "$(basename "$target")" "$deps_dir/abseil-tsan"
}
