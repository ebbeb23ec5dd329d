#!/usr/bin/env bash
# The protos follow buf's standard rules (protos/buf.yaml).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/checks/common.bash

buf lint protos
