#!/usr/bin/env bash
# Make or refresh the virtual environment.
#   scripts/venv.sh FOLDER PYTHON [dev]
# FOLDER is rebuilt only as far as the requirement files changed since the last time. `dev` adds the tools of
# `make test` and `make lint`. TORCH_INDEX_URL: one more package index, searched for torch too (a CPU build).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
    echo "$1" >&2
    exit 1
}

venv=${1:?folder of the virtual environment}
python=${2:?python command}
extra=${3:-}

needed="Python 3.11, 3.12 or 3.13 is needed"
another="install one and name it with PYTHON=python3.12."
command -v "$python" >/dev/null || die "$needed, and $python was not found: $another"
# -S: no site-packages, so a broken one cannot get in the way of the message.
version=$("$python" -S -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) ||
    die "$needed, and $python does not run: $another"
case $version in
3.11.* | 3.12.* | 3.13.*) ;;
*) die "$needed, and $python is $version: $another" ;;
esac

stamp_of() { # what an installed set is known by: the text of the files it came from
    cat "$@" scripts/venv.sh scripts/first_import.py pyproject.toml | cksum
}
runtime_files=(requirements.txt requirements-monailabel.txt constraints.txt)
dev_files=(requirements-dev.txt requirements-{engines,learning,cluster}.txt constraints.txt)

if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    has=$("$venv/bin/python" -S -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
    # Only an asked-for Python counts: a `python3` that moved on leaves a working environment alone.
    if [ "${PYTHON_IS_DEFAULT:-}" != yes ] && [ "${has%.*}" != "${version%.*}" ]; then
        die "$venv has Python $has, not $version: remove it with \`make clean VENV=$venv\`, or name another with VENV=."
    fi
else
    "$python" -S -c 'import ensurepip, venv' 2>/dev/null ||
        die "$python cannot make virtual environments: on Debian and Ubuntu, run \`apt install python${version%.*}-venv\`."
    echo "Making $venv with Python $version."
    "$python" -m venv --clear "$venv"
fi

# --no-compile: most modules are never imported; scripts/first_import.py compiles those that are.
# --only-binary: a missing wheel is said at once instead of compiled for an hour.
pip=("$venv/bin/python" -m pip --disable-pip-version-check)
install=("${pip[@]}" install --quiet --no-compile --constraint constraints.txt --only-binary :all:)
[ -z "${TORCH_INDEX_URL:-}" ] || install+=(--extra-index-url "$TORCH_INDEX_URL")

runtime_stamp=$(stamp_of "${runtime_files[@]}")
if [ "$(cat "$venv/.runtime" 2>/dev/null)" != "$runtime_stamp" ]; then
    rm -f "$venv/.runtime"
    echo "Installing what requirements.txt names (some minutes; a CUDA build of torch is several GB)."
    # First the tools that build, in the pinned versions: an old pip resolves and builds differently.
    "${install[@]}" pip setuptools
    # timeloop has no wheel; it is built with the setuptools just installed.
    "${install[@]}" --no-binary timeloop --no-build-isolation -r requirements.txt
    "${install[@]}" --no-deps -r requirements-monailabel.txt
    # An editable install warns about folder names; there is nothing to be done about it.
    PYTHONWARNINGS=ignore "${pip[@]}" install --quiet --no-deps --no-build-isolation --editable .
    # Even where the shell says not to write compiled modules: this is the install, not a run.
    PYTHONDONTWRITEBYTECODE='' "$venv/bin/python" scripts/first_import.py
    echo "$runtime_stamp" >"$venv/.runtime"
fi

if [ "$extra" = dev ]; then
    dev_stamp=$(stamp_of "${dev_files[@]}")
    if [ "$(cat "$venv/.dev" 2>/dev/null)" != "$dev_stamp" ]; then
        rm -f "$venv/.dev"
        echo "Installing what requirements-{dev,engines,learning,cluster}.txt name."
        "${install[@]}" -r requirements-dev.txt -r requirements-engines.txt -r requirements-learning.txt \
            -r requirements-cluster.txt
        echo "$dev_stamp" >"$venv/.dev"
    fi
fi
