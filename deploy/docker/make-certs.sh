#!/usr/bin/env bash
# Makes what the containers prove themselves with: a certificate authority, one certificate a name (for servers and
# clients alike), and a bearer token. A set that was made for the same names and is valid for another 30 days is kept;
# any other is replaced as a whole, and whoever uses it must be started again.
#   make-certs.sh FOLDER NAME[=HOST,HOST...] ...
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: make-certs.sh FOLDER NAME[=HOST,HOST...] ..." >&2; exit 2; }
cd "$1"
folder=$1
shift
readonly key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
readonly days=825 spare_seconds=$((30 * 24 * 3600))

# Written last: says for whom the set was made.
is_kept() {
  local certificate
  [ "$(cat complete 2>/dev/null)" = "$*" ] || return
  for certificate in *.crt; do
    openssl x509 -in "$certificate" -noout -checkend $spare_seconds >/dev/null || return
  done
}

quietly() { # openssl speaks on standard error when all is well too
  local output
  output=$("$@" 2>&1) || { echo "$output" >&2; return 1; }
}

make_authority() {
  quietly openssl req -x509 "${key[@]}" -days $days -subj "/CN=SDA authority" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout ca.key -out ca.crt
}

make_certificate() { # make_certificate NAME HOST,HOST...
  local name=$1 host names="DNS:localhost,IP:127.0.0.1"
  for host in ${2//,/ }; do names="$names,DNS:$host"; done
  quietly openssl req "${key[@]}" -subj "/CN=$name" -keyout "$name.key" -out "$name.csr"
  printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n' "$names" >"$name.ext"
  quietly openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days $days \
    -extfile "$name.ext" -out "$name.crt"
  rm -f "$name.csr" "$name.ext"
}

if is_kept "$@"; then
  echo "certificates: those in $folder are kept" >&2
  exit 0
fi
umask 077
rm -f complete token ./*.crt ./*.key ./*.csr ./*.ext ./*.srl
make_authority
for entry in "$@"; do make_certificate "${entry%%=*}" "${entry#*=}"; done
openssl rand -hex 32 >token
# The authority's key is of no further use: other names get a new set.
rm -f ca.key ca.srl
echo "$*" >complete
echo "certificates: made in $folder for $*" >&2
