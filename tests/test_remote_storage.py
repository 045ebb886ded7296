"""A corpus on an S3-compatible server: the whole sample, equal to the one on a disk."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from support import Run, sample_settings

from pipeline import files
from pipeline.corpus import STAGES, Corpus

INTERVAL = "2024-01"


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """The environment that leads to an S3-compatible server on loopback with an empty bucket."""
    pytest.importorskip("moto", reason="needs moto's server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/moto-api/", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        fsspec.filesystem("s3", endpoint_url=address, key="testing", secret="testing").mkdir(
            "corpora"
        )
        yield environment
    finally:
        server.terminate()
        server.wait()


@pytest.mark.system
@pytest.mark.parametrize("workers", [1, 2])
def test_the_sample_on_an_object_store_equals_that_on_a_disk(
    workers: int,
    bucket: dict[str, str],
    sample_root: Path,
    webtext: Run,
    replay: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    root = f"s3://corpora/sample{workers}"
    settings = sample_settings(Path("unused"), replay)
    settings[1] = f"corpus.root={root}"
    command = ["build", "quickstart", *settings, f"--workers={workers}"]
    done = webtext(*command, env={**os.environ})
    assert done.returncode == 0, done.stdout
    assert "Nothing to do" in webtext(*command).stdout
    remote, disk = Corpus(root), Corpus(str(sample_root))
    for stage in STAGES:
        name = "tokens/gpt2" if stage == "tokens" else stage
        here, there = disk.require(name, INTERVAL), remote.require(name, INTERVAL)
        assert (stage, there.fingerprint) == (stage, here.fingerprint)
    assert webtext("verify", root).returncode == 0
    assert webtext("status", root).returncode == 0


def test_an_object_appears_whole_or_not_at_all() -> None:
    """Of an object store in this process: what was there stays when a write fails."""
    path = "memory://whole/file.bin"
    files.write_bytes(path, b"before")
    with pytest.raises(RuntimeError), files.atomic(path) as temporary:
        Path(temporary).write_bytes(b"half")
        raise RuntimeError("cut")
    assert files.read_bytes(path) == b"before"
    assert [name.rsplit("/", 1)[-1] for name in files.glob("memory://whole/*")] == ["file.bin"]
