#!/usr/bin/env bash
# Known weaknesses of what is installed, as pip-audit finds them: scripts/audit.sh [VENV]
# Ends with 0 when there are none, with 1 when there are some, and with 2 when nothing was found out: pip-audit itself
# says "No known vulnerabilities" too when it could not ask about a single package.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${1:-.venv}/bin/python
report=$(mktemp)
trap 'rm -f "$report" "$report.log"' EXIT

timeout 300 "$python" -m pip_audit --local --progress-spinner off --timeout 20 --format json \
  >"$report" 2>"$report.log"

"$python" - "$report" "$report.log" <<'PYTHON'
import json
import sys
from pathlib import Path

text, log = (Path(name).read_text(errors="replace") for name in sys.argv[1:])
packages = json.loads(text)["dependencies"] if text.startswith("{") else []
asked = [package for package in packages if "skip_reason" not in package]
if not asked:
    last = (log.strip().splitlines() or ["pip-audit said nothing"])[-1][:200]
    print(f"Nothing is known: the advisory database told nothing about any of {len(packages)} packages ({last}).")
    sys.exit(2)
weak = [(package, found) for package in asked for found in package["vulns"]]
for package, found in weak:
    mended = ", ".join(found["fix_versions"]) or "no version yet"
    print(f"{package['name']} {package['version']}: {found['id']} ({', '.join(found['aliases'])}); mended in {mended}")
left_out = [package["name"] for package in packages if "skip_reason" in package]
print(f"{len(asked)} packages were asked about, {len(weak)} weaknesses found; not asked: {', '.join(left_out) or 'none'}.")
sys.exit(1 if weak else 0)
PYTHON
