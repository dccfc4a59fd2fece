#!/usr/bin/env bash
# OHIF's own reader of DICOM SEG for the tests, from npm, into tests/oracles/node_modules; nothing where it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../tests/oracles"

command -v npm >/dev/null || {
    echo "npm is missing: the tests that read with OHIF are skipped; install Node.js 18 or later." >&2
    [ -z "${CI:-}" ] && exit 0
    exit 1
}
stamp=$(cksum <package-lock.json)
[ "$(cat node_modules/.installed 2>/dev/null)" = "$stamp" ] && exit 0
# No package of these needs its install script.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$stamp" >node_modules/.installed
