"""A disk that is full in the middle of a build, on a real small file system."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Run, sample_settings

from pipeline.store.manifest import read_manifest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1,500 kB, less than the sample's archives need."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let tests mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.system
def test_a_full_disk_is_said_and_the_build_goes_on_after(
    small_disk: Path, sample_root: Path, webtext: Run, replay: str
) -> None:
    root = small_disk / "corpus"
    settings = sample_settings(root, replay)
    done = webtext("build", "quickstart", *settings, "--workers=1")
    lines = [line for line in done.stdout.splitlines() if line.startswith("webtext: ")]
    assert done.returncode == 1, done.stdout
    assert len(lines) == 1 and "No space left" in lines[0] and "Free some space" in lines[0]
    assert "Traceback" not in done.stdout
    assert read_manifest(str(root / "links" / "2024-01")) is not None

    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    done = webtext("build", "quickstart", *settings, "--workers=1")
    assert done.returncode == 0, done.stdout
    assert "pages: goes on where it stopped" in done.stdout
    for stage in ("links", "pages", "documents", "dedup", "corpus", "tokens/gpt2"):
        here, there = (read_manifest(str(r / stage / "2024-01")) for r in (root, sample_root))
        assert here is not None and there is not None
        assert here.fingerprint == there.fingerprint, stage
