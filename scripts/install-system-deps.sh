#!/usr/bin/env bash
# What the tests need from Debian or Ubuntu: a real DICOMweb archive. The product itself needs nothing of it.
set -euo pipefail

packages=(orthanc orthanc-dicomweb)
missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
export DEBIAN_FRONTEND=noninteractive
# The tests start their own Orthanc; the package shall not start one for the whole machine.
"${root[@]}" apt-get update -qq
"${root[@]}" env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}"
