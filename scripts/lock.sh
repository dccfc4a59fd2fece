#!/usr/bin/env bash
# Write constraints.txt: install what the requirements files name, free to resolve, and note what came.
#   scripts/lock.sh PYTHON
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${1:-python3}" -m venv "$folder/venv"
pip=("$folder/venv/bin/python" -m pip --disable-pip-version-check)

"${pip[@]}" install --quiet --upgrade pip
"${pip[@]}" install --quiet --no-compile -r requirements.txt -r requirements-dev.txt -r requirements-engines.txt \
    -r requirements-learning.txt -r requirements-cluster.txt
"${pip[@]}" install --quiet --no-compile --no-deps -r requirements-monailabel.txt
{
    sed '/^[^#]/,$d' constraints.txt # the comment on top
    # Without the +cpu of a CPU build: the same torch must be allowed to be a CUDA build.
    "${pip[@]}" freeze --all | sed -E 's/\+[a-z0-9.]+$//' | grep -vE '^(nvidia-|cuda-|triton)'
} >"$folder/constraints.txt"
cp "$folder/constraints.txt" constraints.txt
echo "constraints.txt: $(grep -vc '^#' constraints.txt) packages."
