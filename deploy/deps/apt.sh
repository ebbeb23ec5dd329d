# Debian packages: looks first, installs only what is missing.
# shellcheck shell=bash

require_debian_12() {
  local id="" version="" arch
  if [ -r /etc/os-release ]; then
    id=$(. /etc/os-release && echo "${ID:-}")
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  fi
  [ "$id/$version" = debian/12 ] ||
    die "this is ${id:-an unknown system} ${version:-}; the packages are those of Debian 12 (bookworm)"
  arch=$(dpkg --print-architecture)
  [ "$arch" = amd64 ] || die "the architecture is $arch; only amd64 is supported"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing packages needs root: run this as root or install sudo"
  fi
}

# Prints those of the given packages that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

apt_get() {
  # Another apt may hold the lock (an unattended upgrade, say): wait for it instead of failing.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >&2 </dev/null
}

install_debian_packages() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [ ${#missing[@]} -eq 0 ]; then
    say "Debian packages: all $(printf '%s\n' "$@" | sort -u | wc -l) present"
    return
  fi
  say "Debian packages: installing ${missing[*]}"
  apt_get update
  apt_get install --no-install-recommends "${missing[@]}"
}
