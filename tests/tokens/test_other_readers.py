"""Shards of a real build, opened by others: Megatron, nanoGPT, llm.c, modded-nanogpt.

`WEBTEXT_LLM_C` names a clone of karpathy/llm.c, whose own loader then reads a shard in
the system tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

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
    for name in ("gpt2", "headed", "albert"):
        manifest = read_manifest(str(built / "tokens" / name / INTERVAL))
        assert manifest is not None
        assert manifest.counts.kept == 270
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
