"""Which documents training runs saw: `webtext forget --runs` asks before shards change.

A sample of a run is a pure function of shards, seed and number (`trainer/data`), and a run's
log says how many samples it took.  So what was seen is computed, not remembered; it can
only be told while the shards are those that the run was trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.store.errors import WebtextError
from trainer.data.shard_set import token_folders


def runs_that_saw(folder: str, root: str, ids: set[str]) -> Iterator[dict[str, Any]]:
    """For each run at or below `folder` on shards of the corpus `root`: what it saw of `ids`.

    `{"run": …, "saw": [ids], "said": in words}`; `saw` is None where it cannot be told.
    Raises WebtextError where there is no run.
    """
    from trainer.run.run import RunFolder  # noqa: PLC0415  # imports torch

    folders = sorted(path.parent for path in Path(folder).rglob("run.json"))
    if not folders:
        raise WebtextError(f"{folder} holds no run", "Give the folder of a training or of several")
    for folder_of_run in folders:
        run = RunFolder(folder_of_run)
        if _is_of(run.facts().data, root):
            yield {"run": str(folder_of_run), **_told(run, ids)}


def _is_of(data: str, root: str) -> bool:
    """Whether a run's shards (`ROOT/tokens/NAME`, several joined by commas) are of a corpus."""
    return any(_plain(one.rsplit("/tokens/", 1)[0]) == _plain(root) for one in token_folders(data))


def _plain(folder: str) -> str:
    return folder if "://" in folder else str(Path(folder).resolve())


def _told(run: Any, ids: set[str]) -> dict[str, Any]:
    from trainer.objectives import open_stream  # noqa: PLC0415
    from trainer.run.log_lines import read_log  # noqa: PLC0415
    from trainer.run.trace import DocumentTables  # noqa: PLC0415

    lines = read_log(run.log) if run.log.exists() else []
    taken = max((n["first_sample"] + n["samples"] for n in lines if "first_sample" in n), default=0)
    try:
        stream = open_stream(run.recipe(), run.shards(), "train")
    except WebtextError as error:
        return {"saw": None, "said": f"what it saw cannot be told: {error}"}
    documents, pages = DocumentTables(), set[str]()
    for number in range(taken):
        for span in stream.spans(number):
            pages.update(page for page, _ in documents.within(span) if page in ids)
        if pages == ids:
            break
    stream.close()
    line = f"saw {len(pages):,} of {len(ids):,} pages in {taken:,} samples"
    return {"saw": sorted(pages), "said": line}
