#!/usr/bin/env bash
# What the tests and `make pacs-demo` need from Debian or Ubuntu: a real DICOM archive, DICOM's classic command-line
# tools, Chromium for the viewer itself and Node.js for its SEG reader. The product itself needs nothing of it.
# Where it may not install it says so and goes on, as the tests that need a missing part are then skipped; in CI it fails.
set -euo pipefail

missing=()
if command -v dpkg-query >/dev/null; then
    for package in orthanc orthanc-dicomweb dcmtk chromium; do
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
else
    [ -x /usr/sbin/Orthanc ] || command -v Orthanc >/dev/null || missing+=(orthanc orthanc-dicomweb)
    command -v storescu >/dev/null || missing+=(dcmtk)
    command -v chromium >/dev/null || missing+=(chromium)
fi
# By command: other builds of Node.js bring npm along, and Debian's npm does not suit them.
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
[ "${#missing[@]}" -eq 0 ] && exit 0

give_up() {
    echo "Not installed: ${missing[*]} ($1). The tests that need them are skipped." >&2
    [ -z "${CI:-}" ] && exit 0
    exit 1
}
command -v apt-get >/dev/null || give_up "no apt-get here: install them your system's way"
root=()
if [ "$(id -u)" -ne 0 ]; then
    root=(sudo -n)
    sudo -n true 2>/dev/null || give_up "run sudo scripts/install-system-deps.sh once"
fi
export DEBIAN_FRONTEND=noninteractive
# The tests start their own Orthanc; the package shall not start one for the whole machine.
"${root[@]}" apt-get update -qq
"${root[@]}" env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"
