"""Atomic files on a disk and behind fsspec addresses."""

import errno
import os
import signal
from pathlib import Path

import pytest
from forks import run_python

from pipeline.store import files
from pipeline.store.errors import WebtextError


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}"


def test_write_read_glob_remove(root: str) -> None:
    path = files.join(root, "a", "b.txt")
    files.write_bytes(path, b"one")
    files.write_bytes(path, b"two")
    assert files.read_bytes(path) == b"two"
    assert (files.exists(path), files.size(path)) == (True, 3)
    assert [p.rsplit("/", 1)[1] for p in files.glob(files.join(root, "a", "*"))] == ["b.txt"]
    files.remove(files.join(root, "a"))
    assert not files.exists(path)


def test_a_failed_write_leaves_what_was_there(root: str) -> None:
    path = files.join(root, "x")
    files.write_bytes(path, b"old")
    with pytest.raises(ValueError, match="half"), files.atomic(path) as temporary:
        Path(temporary).write_bytes(b"half")
        raise ValueError("half")
    assert files.read_bytes(path) == b"old"
    assert len(files.glob(files.join(root, "*"))) == 1


def test_a_killed_write_leaves_the_old_file_and_an_invisible_rest(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    code = (
        "import os, signal\nfrom pipeline.store import files\n"
        f"with files.atomic({str(path)!r}) as temporary:\n"
        "    open(temporary, 'wb').write(b'half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert run_python("-c", code, folder=tmp_path).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert files.glob(f"{tmp_path}/*") == [str(path)]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_publish_local", full)
    with pytest.raises(WebtextError, match=r"No space left while writing .*/x\. Free some space"):
        files.write_bytes(f"{tmp_path}/x", b"data")
    assert list(tmp_path.iterdir()) == []


def test_content_fingerprint_sees_size_and_blocks(tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(b"a" * 1000)
    first = files.content_fingerprint(str(path))
    path.write_bytes(b"a" * 999 + b"b")
    assert files.content_fingerprint(str(path)) != first
    with path.open("wb") as stream:
        stream.truncate(100 << 20)
    sparse = files.content_fingerprint(str(path))
    with path.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"x")
    assert files.content_fingerprint(str(path)) != sparse
