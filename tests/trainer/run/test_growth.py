"""New intervals join a run that is under way, at a boundary that it records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from token_corpora import numbered_corpus
from trainer_runs import SMALL, losses

from pipeline.store.errors import SettingError
from trainer.data.shard_set import Shards, find_shards
from trainer.data.stream import Stream
from trainer.loop.train import train
from trainer.run.run import RunFolder
from trainer.settings.data import DataSettings

CHOSEN = DataSettings(block=64, window=3)


def stream_of(shards: Shards) -> Stream:
    return Stream(shards, "train", 16, 3, settings=CHOSEN)


def test_until_the_boundary_nothing_changes_and_then_all_take_part(tmp_path: Path) -> None:
    data = str(numbered_corpus(tmp_path, [1000]))
    before = find_shards(data)
    numbered_corpus(tmp_path, [600], first=20_000, interval="2024-02")
    grown = find_shards(data).at(before.recorded())
    assert grown.fingerprint == before.fingerprint
    old = stream_of(before)
    boundary = old.numbering.epoch_end(0, 70)
    assert boundary == 2 * old.samples
    after = Shards((grown.corpora[0].joined(boundary),))
    new = stream_of(find_shards(data).at(after.recorded()))
    assert (new.batch(0, boundary) == old.batch(0, boundary)).all()
    epoch = new.batch(boundary, new.samples)
    assert len(np.unique(epoch[:, 0])) == new.samples == 1599 // 16
    assert (epoch >= 20_000).any() and new.tokens == 1600


def test_an_interval_that_is_gone_is_named(tmp_path: Path) -> None:
    data = numbered_corpus(tmp_path, [1000])
    numbered_corpus(tmp_path, [600], interval="2024-02")
    recorded = find_shards(str(data)).recorded()
    shutil.rmtree(data / "2024-02")
    with pytest.raises(SettingError, match="has no finished interval 2024-02"):
        find_shards(str(data)).at(recorded)


def settings(**more: object) -> list[str]:
    chosen = SMALL | {"train.steps": 30, "checkpoint.every": 10, "checkpoint.keep": 9}
    chosen |= {name.replace("__", "."): value for name, value in more.items()}
    return [f"{name}={value}" for name, value in chosen.items()]


def test_a_run_goes_on_with_a_new_interval(tokens: Path, tmp_path: Path) -> None:
    """The small corpus has 40 samples, so its epochs end at samples 40, 80, 120, …"""
    root = Path(shutil.copytree(tokens.parent.parent, tmp_path / "corpus"))
    data = root / "tokens" / "gpt2"
    shutil.rmtree(data)
    numbered_corpus(
        root,
        [40 * 64 + 1],
        tokenizer=(tokens.parent.parent / "tokenizers" / "gpt2" / "tokenizer.json").read_text(),
        modulo=1000,
    )
    out = tmp_path / "run"
    train("gpt2-tiny", str(data), settings(), str(out), "new")
    whole = losses(out)
    for step in (20, 30):  # as if it had been killed after step 10, at sample 80
        shutil.rmtree(out / "checkpoints" / f"step-{step:08d}")
    numbered_corpus(root, [9 * 64], first=500, interval="2024-02", modulo=1000)

    # Without being asked, a run keeps to what it was started with.
    train("gpt2-tiny", str(data), settings(), str(out), "resume")
    assert losses(out) == whole
    for step in (20, 30):
        shutil.rmtree(out / "checkpoints" / f"step-{step:08d}")
    train("gpt2-tiny", str(data), settings(data__grow="true"), str(out), "resume")
    facts = RunFolder(out).facts()
    wanted = [
        [
            {"first": 0, "intervals": ["2024-01"]},
            {"first": 80, "intervals": ["2024-01", "2024-02"]},
        ]
    ]
    assert facts.generations == wanted
    assert losses(out)[:10] == whole[:10] and losses(out)[10:] != whole[10:]
    complete = out / "checkpoints" / "step-00000030" / "COMPLETE.json"
    assert json.loads(complete.read_text())["generations"] == wanted
    seen = {span.shard.split("/")[-2] for i in range(80, 129) for span in stream_at(out, i)}
    assert seen == {"2024-01", "2024-02"}


def stream_at(out: Path, index: int) -> list:
    folder = RunFolder(out)
    recipe = folder.recipe()
    stream = Stream(folder.shards(), "train", 64, recipe.data.seed, settings=recipe.data)
    return stream.spans(index)
