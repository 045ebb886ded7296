"""How many shards a split gets, and what type their tokens have."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.errors import SettingError
from pipeline.store.manifest import Counts, FileEntry, Manifest
from pipeline.store.parts import Part
from pipeline.tokens.settings import TokensSettings
from pipeline.tokens.shards import ShardUnit
from pipeline.tokens.steps import plan_shards
from pipeline.tokens.train import TokenizerUnit

PIECES = [
    Part(
        FileEntry(name=f"piece-{n}.parquet", rows=1, bytes=1, sha256=""),
        extra={"train_tokens": 1_250_000, "validation_tokens": 20_000},
    )
    for n in range(2)
]


def planned(folder: Path, vocab: int, **chosen: object) -> list[ShardUnit]:
    draft = Manifest(
        stage="tokens",
        interval="2024-01",
        settings={},
        settings_hash="",
        inputs={"corpus": "c0"},
        code_version="1",
        runner="test",
        counts=Counts(),
        files=[],
        fingerprint="70",
        extra={"vocab_size": vocab},
    )
    (folder / "_manifest.json").write_bytes(draft.to_json())
    unit = TokenizerUnit(str(folder), (), draft, TokensSettings.model_validate(chosen))
    return plan_shards(unit, "tokens", draft, PIECES)


@pytest.mark.parametrize(
    ("chosen", "train"),
    [
        ({"shard_tokens": 1_000_000}, 3),
        ({"shard_tokens": 1_250_000}, 2),
        ({}, 1),
        ({"shards": 8, "shard_tokens": 1_000_000}, 8),
    ],
)
def test_shards_have_the_set_size_or_number(
    tmp_path: Path, chosen: dict[str, object], train: int
) -> None:
    units = planned(tmp_path, 50_257, **chosen)
    assert [u.of for u in units] == [train] * train + [1]
    assert [u.split for u in units] == ["train"] * train + ["validation"]
    assert [u.number for u in units] == [*range(train), 0]


@pytest.mark.parametrize(("vocab", "dtype"), [(50_257, "<u2"), (70_000, "<i4")])
def test_the_vocabulary_decides_the_type(tmp_path: Path, vocab: int, dtype: str) -> None:
    assert {u.dtype for u in planned(tmp_path, vocab)} == {dtype}


def test_llm_cs_header_needs_tokens_of_16_bits(tmp_path: Path) -> None:
    assert all(u.header for u in planned(tmp_path, 50_257, header="llm.c"))
    with pytest.raises(SettingError, match=r"header = llm\.c: a vocabulary of 70,000 does not fit"):
        planned(tmp_path, 70_000, header="llm.c")
