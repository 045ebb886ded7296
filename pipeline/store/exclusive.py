"""Files that are made only where none is, by which processes agree on who comes first."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from pipeline.store import files


def create(path: str, data: bytes) -> bool:
    """Writes a small file where none is; False, and nothing is written, where one is already.

    Of several processes that try at once one succeeds, on a disk and on stores that know
    conditional writes (S3, GCS, Azure).  On others (HDFS) two may, within the same moment.
    """
    fs, fs_path = files.filesystem(path)
    try:
        if files.is_remote(path):
            fs.pipe_file(fs_path, data, mode="create")
        else:
            _create_local(Path(fs_path), data)
    except FileExistsError:
        return False
    return True


def _create_local(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}{files.TEMPORARY}{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
