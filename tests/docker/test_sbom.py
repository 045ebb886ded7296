"""The bill of materials of an image: what Python and Debian have there, as scanners read it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from support import PROJECT

from pipeline import __version__

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Version: 9 is no field, since it is indented

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: libstdc++6
Status: install ok installed
Architecture: arm64
Version: 1:12.2.0-14
"""


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The bill of this Python and of a made-up Debian system."""
    status = tmp_path_factory.mktemp("sbom") / "status"
    status.write_text(STATUS)
    command = [sys.executable, "-P", str(PROJECT / "docker/sbom.py"), str(status)]
    done = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]
    assert done[0].stdout == done[1].stdout
    return json.loads(done[0].stdout)


def test_every_distribution_is_there_once(bill: dict) -> None:
    found = [entry["purl"] for entry in bill["components"]]
    assert len(found) == len(set(found))
    for name in ("apache-beam", "pyarrow", "trafilatura", "pydantic-core"):
        assert f"pkg:pypi/{name}@{metadata.version(name)}" in found
    assert f"pkg:pypi/webtext@{__version__}" in found
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")


def test_only_installed_packages_of_debian(bill: dict) -> None:
    debian = [entry for entry in bill["components"] if entry["purl"].startswith("pkg:deb/")]
    assert [(entry["name"], entry["version"]) for entry in debian] == [
        ("libc6", "2.36-9+deb12u10"),
        ("libstdc++6", "1:12.2.0-14"),
    ]
    assert debian[1]["purl"] == "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14?arch=arm64"


def test_licences_are_short_names(bill: dict) -> None:
    licences = {
        e["name"]: e["licenses"][0]["license"]["name"]
        for e in bill["components"]
        if "licenses" in e
    }
    assert "Apache" in licences["pyarrow"]
    assert all("\n" not in name and len(name) < 300 for name in licences.values())


def test_an_image_without_debian_has_python_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-P", str(PROJECT / "docker/sbom.py"), str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kinds = {entry["purl"].split("/")[0] for entry in json.loads(done.stdout)["components"]}
    assert kinds == {"pkg:pypi"}
