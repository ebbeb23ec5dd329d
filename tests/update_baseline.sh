#!/usr/bin/env bash
# Makes today's protos the baseline that tests/checks/buf_breaking.sh compares with. Run it when
#   - something was added: the next break of it is then noticed too;
#   - a break is deliberate: commit the new baseline together with the break and a line in CHANGELOG.md that says
#     what clients have to change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/checks/common.bash

if [ -f protos/baseline.binpb ] && ! buf breaking protos --against protos/baseline.binpb; then
  say "the lines above are breaks; CHANGELOG.md has to name them"
fi
# Comments and positions are left out: an edited comment is no change.
buf build protos --exclude-source-info --output protos/baseline.binpb
say "wrote protos/baseline.binpb ($(stat -c %s protos/baseline.binpb) bytes)"
