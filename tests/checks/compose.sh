#!/usr/bin/env bash
# docker-compose reads docker-compose.yml; every server in it proves itself and is scraped. Nothing is started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/checks/common.bash

docker-compose -f docker-compose.yml config --quiet
mapfile -t services < <(docker-compose -f docker-compose.yml config --services)
status=0
complain() {
  say "$*"
  status=1
}
for service in "${services[@]}"; do
  case $service in
    certs | job | prometheus) continue ;;
  esac
  grep -q "^ *- $service:9100\$" deploy/prometheus/prometheus.yml ||
    complain "deploy/prometheus/prometheus.yml does not scrape $service"
done
if grep -n -e '--insecure' docker-compose.yml; then complain "docker-compose.yml: a server must not run --insecure"; fi
servers=$(grep -c -e '--listen' docker-compose.yml)
for option in --tls-cert --tls-client-ca --token-file --metrics-listen; do
  [ "$(grep -o -e "[[ ]$option," docker-compose.yml | wc -l)" -eq "$servers" ] ||
    complain "docker-compose.yml: some of the $servers servers lack $option"
done
exit $status
