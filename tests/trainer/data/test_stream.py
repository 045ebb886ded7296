from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from token_corpora import numbered_corpus

from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import read_manifest, write_manifest
from pipeline.tokens.megatron import IndexedDataset
from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream


def test_an_epoch_takes_every_window_once(tokens: Path) -> None:
    stream = Stream(find_shards(str(tokens)), "train", 64, seed=3)
    shards = [IndexedDataset(p).tokens for p in find_shards(str(tokens)).train]
    whole = np.concatenate(shards)
    windows = {whole[i * 64 : i * 64 + 65].tobytes() for i in range(stream.samples)}
    taken = {row.astype(whole.dtype).tobytes() for row in stream.batch(0, stream.samples)}
    assert taken == windows


def test_a_batch_is_the_same_however_it_is_split(tokens: Path) -> None:
    stream = Stream(find_shards(str(tokens)), "train", 64, seed=3)
    first = stream.samples - 5  # over the end of an epoch
    whole = stream.batch(first, 12)
    pieces = np.concatenate([stream.batch(first + i, 4) for i in (0, 4, 8)])
    assert (whole == pieces).all()


def test_spans_say_where_a_sample_lies(tokens: Path) -> None:
    stream = Stream(find_shards(str(tokens)), "train", 64, seed=3)
    for index in range(0, stream.samples, 97):
        spans = stream.spans(index)
        found = [IndexedDataset(s.shard).tokens[s.start : s.start + s.length] for s in spans]
        assert (np.concatenate(found) == stream.batch(index, 1)[0]).all()


def test_too_little_text_is_said(tokens: Path) -> None:
    with pytest.raises(WebtextError, match=r"less than one sample.*shorter model\.context"):
        Stream(find_shards(str(tokens)), "validation", 10_000_000)


@pytest.mark.parametrize("place", ["nowhere", "tokens/gpt3"])
def test_no_shards_is_a_wrong_setting(tokens: Path, place: str) -> None:
    with pytest.raises(SettingError, match="token shards"):
        find_shards(str(tokens.parent.parent / place))


def test_another_tokenizer_is_refused(tokens: Path, tmp_path: Path) -> None:
    import shutil

    root = shutil.copytree(tokens.parent.parent, tmp_path / "corpus")
    manifest = root / "tokenizers" / "gpt2" / "_manifest.json"
    manifest.write_text(manifest.read_text().replace('"fingerprint": "70"', '"fingerprint": "71"'))
    with pytest.raises(WebtextError, match="is not the one of the shards of 2024-01"):
        find_shards(str(root / "tokens" / "gpt2"))


def test_a_split_of_which_all_was_forgotten_is_none(tmp_path: Path) -> None:
    tokens = numbered_corpus(tmp_path, [100])
    folder = str(tokens / "2024-01")
    manifest = read_manifest(folder)
    assert manifest is not None
    header = {"name": "validation-00000-of-00001.bin", "bytes": 1024}  # llm.c's, and no token
    files = [*manifest.files, manifest.files[0].model_copy(update=header)]
    numbers = {"train_tokens": 100, "validation_tokens": 0}
    write_manifest(folder, manifest.model_copy(update={"files": files, "extra": numbers}))
    shards = find_shards(str(tokens))
    assert (len(shards.train), shards.validation) == (1, ())
