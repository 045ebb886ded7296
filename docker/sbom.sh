#!/bin/sh
# Writes what a Python has installed as an SBOM (CycloneDX, JSON): sbom.sh PYTHON FILE.
#
# The generator gets an environment of its own, which is removed again. Without --output-reproducible
# two builds of the same packages would differ by time and serial number.
set -eu
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -P -m venv "$tools/sbom"
"$tools/sbom/bin/pip" install --quiet cyclonedx-bom==7.5.0
"$tools/sbom/bin/cyclonedx-py" environment --output-reproducible --output-file "$2" "$1"
