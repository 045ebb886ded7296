"""What a scorer is, so that its scores are told from those of another: its files, whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pipeline.quality.scorers.settings import ScorerSettings
from pipeline.store import files
from pipeline.store.parts import work_key
from pipeline.store.scorer import kind_of


def scorer_fingerprint(settings: ScorerSettings) -> str:
    """Of a scorer's kind and of all bytes of its files.

    All bytes, since models that were trained upon a common encoder differ in a few kilobytes.
    Raises SettingError where the model is not there or cannot be read here.
    """
    path = settings.options().path
    kind = kind_of(path)
    return work_key(kind.__qualname__, kind.version, *map(_content, kind.files(path)))


def _content(path: str) -> str:
    if files.is_remote(path):
        return files.sha256(path)
    status = Path(files.local_path(path)).stat()
    return _of_local(path, status.st_size, status.st_mtime_ns)


@cache
def _of_local(path: str, _size: int, _changed: int) -> str:
    """A build asks several times; a file that was written anew is read anew."""
    return files.sha256(path)


def scorer_key(settings: ScorerSettings, fingerprint: str) -> str:
    """Of all that decides a scorer's scores of a text."""
    return work_key(*sorted(settings.deciding().items()), fingerprint)


def scorer_keys(scorers: Mapping[str, ScorerSettings]) -> dict[str, str]:
    """The key of each scorer by its name."""
    return {name: scorer_key(one, scorer_fingerprint(one)) for name, one in scorers.items()}
