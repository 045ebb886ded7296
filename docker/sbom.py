"""Prints what is installed here as a CycloneDX 1.6 bill of materials: `sbom.py [DPKG STATUS]`.

    docker run --rm webtext-worker:0.1.0 python /opt/webtext/bin/sbom.py > webtext-worker.cdx.json

The distributions of this Python and the Debian packages of the image, each with version, licence
where it names one, and package URL (https://github.com/package-url/purl-spec), by which scanners
such as Grype and Trivy look them up.  It is the same for the same image: no time, no serial number.
"""

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

STATUS = Path("/var/lib/dpkg/status")


def python_packages() -> list[dict[str, object]]:
    """The distributions that this Python imports; of two of a name the one that it would take."""
    found: dict[str, dict[str, object]] = {}
    for distribution in metadata.distributions():
        about = distribution.metadata
        # As PyPI spells names in addresses (PEP 503).
        name = re.sub(r"[-_.]+", "-", about["Name"]).lower()
        url = f"pkg:pypi/{name}@{quote(distribution.version)}"
        found.setdefault(name, component(name, distribution.version, url, licence(about)))
    return list(found.values())


def licence(about: metadata.PackageMetadata) -> str:
    """The licence that a distribution names: an expression, a short name, or its classifiers."""
    short = about.get("License-Expression") or about.get("License") or ""
    if short and "\n" not in short and len(short) < 100:
        return short
    classifiers = about.get_all("Classifier") or []
    names = [line.rsplit(" :: ", 1)[1] for line in classifiers if line.startswith("License ::")]
    return ", ".join(names)


def debian_packages(status: Path) -> list[dict[str, object]]:
    """The installed packages of a Debian system; none where there is no list of them."""
    if not status.exists():
        return []
    found = []
    for block in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Architecture|Status): (.+)$", block, re.M))
        if fields.get("Status", "").endswith(" installed"):
            name, version = fields["Package"], fields["Version"]
            url = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={fields['Architecture']}"
            found.append(component(name, version, url, ""))
    return found


def component(name: str, version: str, url: str, licence: str) -> dict[str, object]:
    """One entry of the bill."""
    entry: dict[str, object] = {
        "type": "library",
        "bom-ref": url,
        "name": name,
        "version": version,
        "purl": url,
    }
    return {**entry, "licenses": [{"license": {"name": licence}}]} if licence else entry


def bill(status: Path) -> dict[str, object]:
    """The whole bill, in order of package URLs."""
    components = [*python_packages(), *debian_packages(status)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "webtext"}},
        "components": sorted(components, key=lambda entry: str(entry["purl"])),
    }


if __name__ == "__main__":
    found = bill(Path(sys.argv[1]) if sys.argv[1:] else STATUS)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
