#!/usr/bin/env bash
# Makes what the containers prove themselves with: a certificate authority, one certificate a name (server and client),
# and a bearer token. A complete set that is there already is kept.
#   make-certs.sh FOLDER NAME[=HOST,HOST…] …
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: make-certs.sh FOLDER NAME[=HOST,HOST...] ..." >&2; exit 2; }
folder=$1
shift
if [ -e "$folder/complete" ]; then
  echo "certificates: those in $folder are kept" >&2
  exit 0
fi
cd "$folder"
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=SDA authority" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
  -keyout ca.key -out ca.crt 2>/dev/null
for entry in "$@"; do
  name=${entry%%=*}
  hosts=$name
  [ "$entry" = "$name" ] || hosts=${entry#*=}
  names="DNS:localhost,IP:127.0.0.1"
  for host in ${hosts//,/ }; do names="$names,DNS:$host"; done
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
    -keyout "$name.key" -out "$name.csr" 2>/dev/null
  openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 -out "$name.crt" 2>/dev/null \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n' "$names")
  rm -f "$name.csr"
done
openssl rand -hex 32 >token
# The authority's key is of no further use: whoever wants other certificates makes a new set.
rm -f ca.key ca.srl
: >complete
echo "certificates: made in $folder for $*" >&2
