#!/usr/bin/env bash
# Every shell script parses and has nothing for shellcheck to say.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/checks/common.bash

mapfile -t scripts < <(project_files .sh .bash; echo .ci/run)
for script in "${scripts[@]}"; do bash -n "$script"; done
shellcheck --external-sources --source-path=SCRIPTDIR --source-path=. "${scripts[@]}"
