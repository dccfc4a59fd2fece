#!/usr/bin/env bash
# What the tests need from Debian or Ubuntu: a real DICOM archive, DICOM's classic command-line tools, and Node.js for
# the viewer's own SEG reader. The product itself needs nothing of it.
set -euo pipefail

missing=()
for package in orthanc orthanc-dicomweb dcmtk; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
# By command: other builds of Node.js bring npm along, and Debian's npm does not suit them.
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
[ "${#missing[@]}" -eq 0 ] && exit 0

root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
export DEBIAN_FRONTEND=noninteractive
# The tests start their own Orthanc; the package shall not start one for the whole machine.
"${root[@]}" apt-get update -qq
"${root[@]}" env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"
