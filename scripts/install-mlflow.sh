#!/usr/bin/env bash
# An MLflow server for the tests, in .tools/mlflow: its versions are not ours. Nothing where it is there already.
#   scripts/install-mlflow.sh [PYTHON]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${1:-python3}
pins=tests/registry/mlflow-server.txt
venv=.tools/mlflow
stamp=$(cat "$pins" scripts/install-mlflow.sh | cksum)
[ "$(cat "$venv/.installed" 2>/dev/null)" = "$stamp" ] && exit 0

# The half of its requirements that a server never imports (pyarrow, scipy, scikit-learn, matplotlib) is left out:
# hence --no-deps, and a file that names every package.
install() {
    "$python" -m venv --clear "$venv" &&
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
            --only-binary :all: -r "$pins"
}
install || {
    echo "MLflow's server could not be installed: its tests are skipped." >&2
    [ -z "${CI:-}" ] && exit 0
    exit 1
}
echo "$stamp" >"$venv/.installed"
