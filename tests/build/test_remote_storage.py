"""A corpus on an S3-compatible server: the whole sample, equal to the one on a disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fsspec
import pytest
from browse.served import browsing
from support import PROJECT, Run, free_ports, sample_settings, wait_for_port

from pipeline.build.build import build
from pipeline.build.recipe import read_recipe
from pipeline.sample import PAGES
from pipeline.store import files
from pipeline.store.corpus import STAGES, Corpus
from pipeline.store.lease import leased
from pipeline.views.show import select

INTERVAL = "2024-01"
#: Settings of a small build without a crawl.
SMALL = ["links.min_karma=90", 'pages.source="warc"', f'pages.warc=["{PAGES}"]']


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """The environment that leads to an S3-compatible server on loopback with an empty bucket."""
    pytest.importorskip("moto", reason="needs moto's server")
    (port,) = free_ports(1)
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
        wait_for_port(port, server)
        fsspec.filesystem("s3", endpoint_url=address, key="testing", secret="testing").mkdir(
            "corpora"
        )
        yield environment
    finally:
        server.terminate()
        server.wait()


@pytest.mark.system
def test_the_sample_on_an_object_store_equals_that_on_a_disk(
    bucket: dict[str, str],
    webtext: Run,
    replay: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The half of it with most karma, crawled."""
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    root = "s3://corpora/sample"
    settings = [*sample_settings(tmp_path, replay), "--set", "links.min_karma=30"]
    on_disk = webtext("build", "quickstart", *settings, "--workers=1")
    assert on_disk.returncode == 0, on_disk.stdout
    settings[1] = f"corpus.root={root}"
    command = ["build", "quickstart", *settings, "--runner=dask", "--workers=2"]
    done = webtext(*command, environment={**os.environ})
    assert done.returncode == 0, done.stdout
    assert "Nothing to do" in webtext(*command).stdout
    remote, disk = Corpus(root), Corpus(str(tmp_path))
    for stage in STAGES:
        name = "tokens/gpt2" if stage == "tokens" else stage
        here, there = disk.require(name, INTERVAL), remote.require(name, INTERVAL)
        assert (stage, there.fingerprint) == (stage, here.fingerprint)
    shards = [entry for entry in there.files if entry.name.endswith(".bin")]
    assert shards and shards == [entry for entry in here.files if entry.name.endswith(".bin")]
    assert webtext("verify", root).returncode == 0
    row = select(remote, "corpus", where=None, limit=1)[0]
    words = " ".join(row["text"].split()[:8])
    with browsing(root) as browser:
        assert f"kept {disk.require('corpus', INTERVAL).counts.kept:,}" in browser.get().shown
        assert row["id"] in browser.get(f"pages?q={quote(row['url'])}").text
        assert words in browser.get(f"page/{row['id']}").shown
        assert row["text"].split()[0] in browser.get(f"archived/{row['id']}").text
        assert browser.get(f"tokens/{row['id']}").status == 200


@pytest.mark.system
def test_all_stages_in_an_object_store_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any fsspec address will do: stages ask nothing of a store but to read, write and list."""
    monkeypatch.chdir(PROJECT)

    def built(root: str) -> dict[str, str]:
        settings = [f'corpus.root="{root}"', "runner.workers=1", *SMALL]
        outcomes = build(read_recipe("quickstart", settings), say=print)
        assert [outcome.stage for outcome in outcomes] == list(STAGES)
        return {outcome.stage: outcome.manifest.fingerprint for outcome in outcomes}

    assert built("memory://corpora/small") == built(str(tmp_path))
    stored = fsspec.filesystem("memory").find("/corpora")
    assert stored and not [path for path in stored if files.TEMPORARY in path]


#: Writes an object of so many bytes, and lingers before the upload when it is told to.
_WRITER = """
import sys
from pipeline.store import files
from pipeline.build.build import build
from pipeline.build.recipe import read_recipe
with files.atomic(sys.argv[1]) as temporary:
    with open(temporary, "wb") as stream:
        stream.truncate(int(sys.argv[2]))
    print("written", flush=True)
    if sys.argv[3] == "linger":
        sys.stdin.read()
"""


def test_what_another_process_wrote_is_seen(
    bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    first, second = "s3://corpora/seen/first", "s3://corpora/seen/second"
    files.write_bytes(first, b"1")
    assert files.glob("s3://corpora/seen/*") == [first]
    writes = f"from pipeline.store import files; files.write_bytes({second!r}, b'22')"
    subprocess.run([sys.executable, "-c", writes], cwd=PROJECT, check=True)
    assert files.exists(second)
    assert files.size(second) == 2
    assert files.glob("s3://corpora/seen/*") == [first, second]


_LARGE = 160 << 20  # bytes; s3fs sends what is larger than 100 MiB in parts


@pytest.mark.system
@pytest.mark.parametrize("when", ["before the upload", "during the upload"])
def test_a_writer_that_is_killed_leaves_what_was_there(
    when: str, bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    path = f"s3://corpora/{when.partition(' ')[0]}/file.bin"
    files.write_bytes(path, b"before")
    wait = "linger" if when.startswith("before") else "go"
    store = fsspec.filesystem("s3")
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, path, str(_LARGE), wait],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == b"written\n"
        while wait == "go" and not begun_uploads(store):
            assert writer.poll() is None, "it ended before it could be killed"
        writer.kill()
    assert writer.returncode == -signal.SIGKILL
    assert files.read_bytes(path) == b"before"
    assert files.glob(f"{path.rsplit('/', 1)[0]}/*") == [path]
    with files.atomic(path) as temporary:
        Path(temporary).write_bytes(b"after")
    assert files.read_bytes(path) == b"after"


@pytest.mark.system
def test_a_build_that_was_away_loses_to_the_one_that_took_its_place(
    bucket: dict[str, str], webtext: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a scheduler has it that gives a task up and starts it again while the first one lives."""
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    root = "s3://corpora/leased"
    settings = [*SMALL, f'corpus.root="{root}"', "corpus.lease_seconds=8", "runner.workers=1"]
    command = ["build", "quickstart", *(word for one in settings for word in ("--set", one))]
    with leased(root, seconds=8) as held:
        refused = webtext(*command)
    assert refused.returncode == 1 and held.holder in refused.stdout
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline", *command],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as away:
        while not files.exists(f"{root}/links/{INTERVAL}/_manifest.json"):
            assert away.poll() is None, "it ended before it could be stopped"
        # At once, while it has manifests to write: one that finds all done need not mind.
        away.send_signal(signal.SIGSTOP)
        done = webtext(*command)
        away.send_signal(signal.SIGCONT)
        output = away.communicate()[0]
    assert done.returncode == 0, done.stdout
    assert f"process {away.pid}" in done.stdout and "waiting up to 8 s" in done.stdout
    assert away.returncode == 1 and "lost" in output, output
    assert "Nothing to do" in webtext(*command).stdout
    assert webtext("verify", root).returncode == 0


def begun_uploads(store: Any) -> list[Any]:
    """Uploads in parts that are neither complete nor given up."""
    found: list[Any] = store.call_s3("list_multipart_uploads", Bucket="corpora").get("Uploads", [])
    return found


def test_an_object_appears_whole_or_not_at_all() -> None:
    """Of an object store in this process: what was there stays when a write fails."""
    path = "memory://whole/file.bin"
    files.write_bytes(path, b"before")
    with pytest.raises(RuntimeError), files.atomic(path) as temporary:
        Path(temporary).write_bytes(b"half")
        raise RuntimeError("cut")
    assert files.read_bytes(path) == b"before"
    assert [name.rsplit("/", 1)[-1] for name in files.glob("memory://whole/*")] == ["file.bin"]
