"""Evaluation sets among `dedup.against`: which names are files, and what a run makes of them."""

from __future__ import annotations

import re

from pipeline.dedup.batch import Decided, EvaluationFile
from pipeline.dedup.settings import DedupSettings
from pipeline.store import files
from pipeline.store.errors import SettingError
from pipeline.store.manifest import WORK

#: What tells a file of texts from the root of a corpus.
_SUFFIX = re.compile(r"\.(txt|tsv|json|jsonl|ndjson)(\.(gz|xz|bz2|zst))?$")


def is_evaluation_file(path: str) -> bool:
    """True for a file of texts by its name; other names are roots of corpora."""
    return _SUFFIX.search(path) is not None


def evaluation_file(path: str, number: int) -> EvaluationFile:
    """The file with the digest of its bytes; SettingError when it is not there."""
    if not files.exists(path):
        raise SettingError(f"dedup.against: {path} does not exist", "Correct the path")
    return EvaluationFile(path, number, files.sha256(path))


def as_decided(file: EvaluationFile, folder: str, settings: DedupSettings) -> Decided:
    """Where the scratch files of an evaluation set will be."""
    work = files.join(folder, WORK)
    return Decided(
        interval=file.path,
        documents=(files.join(work, file.name("documents")),),
        signatures=(files.join(work, file.name("signatures")),),
        registers=(files.join(work, file.name("register")),),
        removed=(),
        cuts=(),
        elsewhere=file.path,
        minimizers=(files.join(work, file.name("minimizers")),)
        if settings.passages.enabled
        else (),
    )
