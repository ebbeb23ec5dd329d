#!/usr/bin/env bash
# Every Python file compiles.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/checks/common.bash

mapfile -t files < <(project_files .py)
python3 - "${files[@]}" <<'PYTHON'
import sys

for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as source:
        compile(source.read(), path, "exec")
PYTHON
