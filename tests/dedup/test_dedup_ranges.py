"""Order, firsts and the end of a run by many ranges: the same tables as by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dedup.intervals import Dedups, Document

from pipeline.dedup import order, places, sort, write
from pipeline.dedup.sort import keep_keys

INTERVALS = ("2024-01", "2024-02")


def months(new_document: Callable[..., Document], texts: list[str]) -> list[list[Document]]:
    """Documents of two months: copies, edited copies, pages that come again with other texts."""
    rng, found = random.Random(3), []
    for month in range(len(INTERVALS)):
        rows = {}
        for page in range(100):
            text = rng.choice(texts)
            if rng.random() < 0.4:
                words = text.split()
                words[rng.randrange(len(words))] = "edited"
                text = " ".join(words)
            key = f"a.org/{page}" if rng.random() < 0.2 else f"a.org/{month}/{page}"
            dated = f"2020-01-{rng.randrange(1, 9):02d}" if rng.random() < 0.5 else ""
            karma = rng.choice([3, 4, 9, None])
            reason = "short" if rng.random() < 0.1 else ""
            rows[key] = new_document(key, text, karma=karma, date=dated, reason=reason)
        found.append(list(rows.values()))
    return found


def tables(root: Path, rows: list[list[Document]], against: str) -> dict[str, pa.Table]:
    """All that dedup leaves of the months, by interval and table."""
    dedups = Dedups(root / "corpus")
    for interval, ours in zip(INTERVALS, rows, strict=True):
        dedups.write(interval, ours, parts=3)
        dedups.run(interval, against=[against])
    found = {}
    for interval in INTERVALS:
        for table in ("part", "_register", "_clusters"):
            paths = sorted((root / "corpus/dedup" / interval).glob(f"{table}-*"))
            read = [pq.read_table(path).replace_schema_metadata(None) for path in paths]
            found[f"{interval} {table}"] = pa.concat_tables(read)
    return found


def test_many_ranges_give_what_one_gives(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prose: Callable[[int, int], list[str]],
    new_document: Callable[..., Document],
) -> None:
    texts = prose(150, 60)
    rows = months(new_document, texts)
    (tmp_path / "set.txt").write_text("\n".join(texts[:10]))
    whole = tables(tmp_path / "whole", rows, str(tmp_path / "set.txt"))
    monkeypatch.setattr(sort, "LEAST_GROUP", 10)
    monkeypatch.setattr(sort, "_PAST_ROWS", 60)
    monkeypatch.setattr(order, "RANGE_ROWS", 60)
    monkeypatch.setattr(places, "RUN_ROWS", 80)
    monkeypatch.setattr(write, "WRITE_ROWS", 60)
    cut = tables(tmp_path / "cut", rows, str(tmp_path / "set.txt"))
    assert len(list((tmp_path / "cut/corpus/dedup/2024-02").glob("_register-*"))) > 1
    kinds = {
        kind for name, rows in whole.items() if "part" in name for kind in rows["kind"].to_pylist()
    }
    assert kinds == {"exact", "near", "recrawled"}
    assert cut == whole


ROWS = [
    {"id": "0a", "chars": 9, "date": "2020-01-02", "karma": 3},
    {"id": "0b", "chars": 300, "date": "", "karma": None},
    {"id": "0c", "chars": 300, "date": "2020-01", "karma": 70_000},
    {"id": "0d", "chars": 9, "date": "2019", "karma": -4},
]


@pytest.mark.parametrize(
    ("preferences", "ids"),
    [
        ((), "abcd"),
        (("karma",), "cabd"),
        (("longest",), "bcad"),
        (("shortest", "karma"), "adcb"),
        (("earliest",), "dcab"),
        (("latest",), "acdb"),
        (("longest", "latest"), "cbad"),
    ],
)
def test_keys_sort_as_preferred(preferences, ids: str) -> None:
    rows = pa.Table.from_pylist(ROWS)
    for source in (0, 300):
        keys = keep_keys(rows, preferences, source).to_pylist()
        found = sorted(zip(keys, rows["id"].to_pylist(), strict=True))
        assert "".join(identity[1] for _, identity in found) == ids
    assert max(keep_keys(rows, preferences, 1).to_pylist()) < keys[0]
