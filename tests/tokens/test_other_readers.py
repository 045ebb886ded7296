"""Shards of a real build, opened by others: Megatron, nanoGPT, llm.c, modded-nanogpt.

`WEBTEXT_LLM_C` names a clone of karpathy/llm.c, whose own loader then reads a shard in
the system tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import Run, sample_settings

from pipeline.store.manifest import read_manifest
from pipeline.tokens.megatron import IndexedDataset

INTERVAL = "2024-01"
FIRST = "train-00000-of-00002"

_MEGATRON = """
import hashlib, json, sys, warnings
warnings.simplefilter("ignore")
from megatron.core.datasets.indexed_dataset import IndexedDataset
said = []
for prefix in sys.argv[1:]:
    data = IndexedDataset(prefix, mmap=True)
    digest = hashlib.sha256()
    for i in range(len(data)):
        digest.update(data[i].tobytes())
    said.append({
        "sequences": len(data),
        "lengths": data.sequence_lengths.tolist(),
        "documents": data.document_indices.tolist(),
        "dtype": str(data[0].dtype),
        "middle": data.get(len(data) // 2, offset=1).tolist(),
        "sha256": digest.hexdigest(),
    })
print(json.dumps(said))
"""

#: Reads a whole epoch through llm.c's own loader and writes what it was given to a file.
_LLM_C = """
#include "llmc/dataloader.h"
int main(int argc, char** argv) {
    DataLoader loader;
    dataloader_init(&loader, argv[1], 1, 64, 0, 1, 0);
    FILE* out = fopen(argv[2], "wb");
    for (size_t i = 0; i < loader.shard_num_samples; i++) {
        dataloader_next_batch(&loader);
        fwrite(loader.inputs, sizeof(int), 64, out);
    }
    fclose(out);
    printf("%zu", loader.num_tokens);
    return 0;
}
"""


@pytest.fixture(scope="module")
def built(
    sample_root: Path, tmp_path_factory: pytest.TempPathFactory, webtext: Run, replay: str
) -> Path:
    """The sample with three kinds of shards: plain, with llm.c's header, and ALBERT's."""
    root = tmp_path_factory.mktemp("readers") / "corpus"
    shutil.copytree(sample_root, root)
    for more in (
        ["--set=tokens.name=headed", "--set=tokens.header=llm.c"],
        ["--set=tokens.kind=unigram", "--set=tokens.vocab_size=2000"],
    ):
        done = webtext("build", "quickstart", *sample_settings(root, replay), "--workers=1", *more)
        assert done.returncode == 0, done.stdout
        assert "corpus: up to date" in done.stdout
        assert "tokens: not built yet" in done.stdout
    return root


def prefix(root: Path, name: str) -> str:
    return str(root / "tokens" / name / INTERVAL / FIRST)


def test_one_corpus_has_shards_of_several_tokenizers(built: Path, webtext: Run) -> None:
    pages = {}
    corpus = read_manifest(str(built / "corpus" / INTERVAL))
    assert corpus is not None
    for name in ("gpt2", "headed", "albert"):
        manifest = read_manifest(str(built / "tokens" / name / INTERVAL))
        assert manifest is not None
        assert manifest.counts.kept == corpus.counts.kept > 200
        pages[name] = [entry.rows for entry in manifest.tables("documents-")]
    assert pages["gpt2"] == pages["headed"] == pages["albert"]  # the same documents in each
    assert webtext("verify", str(built)).returncode == 0


def test_nanogpt_maps_the_file(built: Path) -> None:
    """As nanoGPT's `get_batch`: np.memmap of uint16 over `.bin`, windows at any place."""
    ours = IndexedDataset(prefix(built, "gpt2"))
    data = np.memmap(f"{prefix(built, 'gpt2')}.bin", dtype=np.uint16, mode="r")
    assert np.array_equal(data, ours.tokens)
    start = len(data) // 3
    assert np.array_equal(
        data[start : start + 65].astype(np.int64), ours.tokens[start : start + 65]
    )


def test_llm_c_and_modded_nanogpt_read_header_and_tokens(built: Path) -> None:
    """As `_load_data_shard` of llm.c's train_gpt2.py and of modded-nanogpt's train_gpt.py."""
    path = Path(f"{prefix(built, 'headed')}.bin")
    header = np.frombuffer(path.read_bytes()[: 256 * 4], dtype=np.int32)
    assert header[0] == 20240520
    assert header[1] == 1
    tokens = np.frombuffer(path.read_bytes()[256 * 4 :], dtype=np.uint16)
    assert len(tokens) == header[2]
    assert path.stat().st_size == 256 * 4 + int(header[2]) * 2  # llm.c's dataloader.h checks it
    assert np.array_equal(tokens, IndexedDataset(prefix(built, "gpt2")).tokens)
    assert np.array_equal(tokens, IndexedDataset(prefix(built, "headed")).tokens)


def test_modded_nanogpt_reads_into_torch(built: Path) -> None:
    torch = pytest.importorskip("torch")
    path = f"{prefix(built, 'headed')}.bin"
    header = torch.from_file(path, False, 256, dtype=torch.int32)
    tokens = torch.empty(int(header[2]), dtype=torch.uint16)
    with open(path, "rb", buffering=0) as stream:
        stream.seek(256 * 4)
        assert stream.readinto(tokens.numpy()) == 2 * len(tokens)
    assert np.array_equal(tokens.numpy(), IndexedDataset(prefix(built, "gpt2")).tokens)
    starts = (tokens == int(tokens[-1])).nonzero()  # a document begins behind each end token
    assert len(starts) == len(IndexedDataset(prefix(built, "gpt2")).documents) - 1


@pytest.mark.system
def test_megatron_core_opens_them(built: Path, peers_python: Path) -> None:
    names = ("gpt2", "headed", "albert")
    done = subprocess.run(
        [str(peers_python), "-c", _MEGATRON, *(prefix(built, name) for name in names)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named 'megatron'" in done.stderr:
        pytest.skip("megatron-core is not in the peers' environment")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    for name, theirs in zip(names, said, strict=True):
        ours = IndexedDataset(prefix(built, name))
        assert theirs["sequences"] == len(ours)
        assert theirs["lengths"] == ours.lengths.tolist()
        assert theirs["documents"] == ours.documents.tolist()
        assert theirs["dtype"] == "uint16"
        assert theirs["middle"] == ours[len(ours) // 2][1:].tolist()
    assert said[0]["sha256"] == said[1]["sha256"]


def megatron_samples(python: Path, kind: str, cache: Path, prefix: str, end: int, size: int) -> Any:
    """What Megatron's own data set of this kind gives."""
    script = Path(__file__).with_name("megatron_reads.py")
    command = [str(python), str(script), kind, str(cache), prefix, str(end), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named 'megatron'" in done.stderr:
        pytest.skip("megatron-core is not in the peers' environment")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.system
def test_megatrons_gpt_reads_documents_whole(
    built: Path, peers_python: Path, tmp_path: Path
) -> None:
    """It puts sequences in a random order: what lies between two end tokens is a document."""
    shard = IndexedDataset(prefix(built, "gpt2"))
    end = int(shard.document(0)[-1])
    samples = megatron_samples(peers_python, "gpt", tmp_path, prefix(built, "gpt2"), end, 50_257)
    documents = {tuple(shard.document(d).tolist()) for d in range(len(shard.documents) - 1)}
    whole = 0
    for tokens in samples:
        ends = [place for place, token in enumerate(tokens) if token == end]
        for before, after in pairwise(ends):
            assert tuple(tokens[before + 1 : after + 1]) in documents
            whole += 1
    assert whole > len(documents) // 4


@pytest.mark.system
def test_megatrons_bert_reads_sentences_of_one_document(
    built: Path, peers_python: Path, tmp_path: Path
) -> None:
    """By the index of sentences; Megatron wants both files under one prefix."""
    link = str(tmp_path / "sentences")
    os.symlink(f"{prefix(built, 'albert')}.bin", f"{link}.bin")
    os.symlink(f"{prefix(built, 'albert')}.sentences.idx", f"{link}.idx")
    samples = megatron_samples(peers_python, "bert", tmp_path, link, 0, 2000)
    shard = IndexedDataset(prefix(built, "albert"))
    begins = set(shard.sentence_index().starts().tolist())
    documents = [(place, shard.document(d)) for d, place in enumerate(shard.index.starts()[:-1])]
    texts = [(int(place), _text(tokens)) for place, tokens in documents]
    uncut = [(a, b) if not swapped else (b, a) for a, b, swapped, cut in samples if not cut]
    assert len(samples) >= 500  # whole epochs
    assert len(uncut) >= 50
    for first, second in uncut:
        pair = _text([*first, *second])
        place, text = next((place, text) for place, text in texts if pair in text)
        start = place + text[: text.index(pair)].count(" ")
        assert {start, start + len(first), start + len(first) + len(second)} <= begins


def _text(tokens: Iterable[int]) -> str:
    """Tokens in a string where those of a part can be looked for."""
    return " " + "".join(f"{token} " for token in tokens)


@pytest.mark.system
def test_llm_cs_own_loader_reads_them(built: Path, tmp_path: Path) -> None:
    clone = os.environ.get("WEBTEXT_LLM_C")
    if not clone or not shutil.which("gcc"):
        pytest.skip("needs gcc, and WEBTEXT_LLM_C: the path of a clone of karpathy/llm.c")
    (tmp_path / "read.c").write_text(_LLM_C)
    program, out = tmp_path / "read", tmp_path / "tokens"
    command = ["gcc", "-O2", "-I", clone, str(tmp_path / "read.c"), "-o", str(program), "-lm"]
    subprocess.run(command, check=True)
    pattern = f"{built}/tokens/headed/{INTERVAL}/train-*.bin"
    done = subprocess.run([str(program), pattern, str(out)], capture_output=True, check=True)
    first = IndexedDataset(prefix(built, "headed"))
    second = IndexedDataset(prefix(built, "headed").replace("00000-of", "00001-of"))
    assert int(done.stdout) == len(first.tokens) + len(second.tokens)
    read = np.fromfile(out, np.int32)
    assert len(read) == (len(first.tokens) - 1) // 64 * 64
    assert np.array_equal(read, first.tokens[: len(read)])
