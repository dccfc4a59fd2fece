#!/usr/bin/env bash
# What things cost here, as ratios to the plain way, and whether the aims are met; an hour on two cores.
#   scripts/bench.sh VENV [FOLDER for the reports]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sdseg="$1/bin/sdseg"
folder=${2:-bench-$(date +%Y-%m-%d)}
missed=0
bench() { # NAME OPTION...
    local name=$1
    shift
    echo "== sdseg bench $*"
    "$sdseg" bench "$@" --check -o "$folder/$name" --force || missed=1
}

bench full-size --preset sd
bench small --weights sample-data/weights/brain-small --images sample-data/dicom
bench series --whole
bench start --start --rounds 3
"$1/bin/python" -m pytest -m long tests/engines tests/memory
echo "The reports are in $folder."
exit "$missed"
