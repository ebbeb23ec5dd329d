#!/usr/bin/env bash
# C++ and protos are laid out as .clang-format says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/checks/common.bash

bash tests/format.sh --check
