#!/usr/bin/env bash
# No change of the protos breaks a client of the committed baseline. A deliberate break replaces it:
# tests/update_baseline.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/checks/common.bash

buf breaking protos --against protos/baseline.binpb
