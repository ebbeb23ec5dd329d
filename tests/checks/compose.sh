#!/usr/bin/env bash
# docker-compose reads docker-compose.yml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/checks/common.bash

if ! [ -f docker-compose.yml ]; then
  say "there is no docker-compose.yml"
  exit 1
fi
docker-compose -f docker-compose.yml config --quiet
