"""What is exported opens in transformers old and new, with our ids, segments and scores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from read_exports import PAIRS, TEXT
from safetensors.torch import save_file
from support import PROJECT
from tokenizers import Tokenizer

from trainer.finetune.encoding import Encoding
from trainer.finetune.train import head_scores
from trainer.hf.folder import save_parts
from trainer.hf.tokenizer_file import portable_tokenizer
from trainer.models.encoder import Encoder
from trainer.models.gpt import GPT
from trainer.models.heads import MaskedHead, PairHead, ReplacedHead
from trainer.models.parts import Parts
from trainer.models.task_head import TaskHead
from trainer.settings.model import EncoderSettings, ModelSettings

#: transformers, tokenizers and huggingface-hub; the first are the oldest that were tried.
VERSIONS = [("4.26.1", "0.13.3", "0.12.1"), ("4.57.6", "0.22.1", "0.36.0")]
KINDS: dict[str, dict[str, Any]] = {
    "bert": {}, "albert": {"embedding": 16, "project": "always", "groups": 1},
    "electra": {"embedding": 16}, "distilbert": {"types": 0},
    "modernbert": {"norm_first": True, "positions": "rope", "types": 0, "gated": True,
                   "bias": False, "attention": "sliding", "global_every": 2, "band": 8,
                   "dropout": 0.0},
}  # fmt: skip
HEADS: list[tuple[str, str, Callable[[EncoderSettings, str], dict[str, Any]]]] = [
    ("bert", "pre-training", lambda s, _: {"masked": MaskedHead(s), "pair": PairHead(s)}),
    ("albert", "masked", lambda s, _: {"masked": MaskedHead(s)}),
    ("electra", "discriminator", lambda s, _: {"replaced": ReplacedHead(s)}),
    ("electra", "generator", lambda s, _: {"masked": MaskedHead(s)}),
    ("distilbert", "masked", lambda s, _: {"masked": MaskedHead(s)}),
    ("modernbert", "masked", lambda s, _: {"masked": MaskedHead(s)}),
    *((kind, use, lambda s, kind, use=use: {"task": TaskHead(s, kind, use, LABELS[use])})
      for kind in KINDS for use in ("sequence", "choice", "span")),
]  # fmt: skip
LABELS: dict[str, tuple[str, ...]] = {"sequence": ("no", "so", "yes"), "choice": (), "span": ()}
DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {}, "gpt2-untied": {"tied": False},
    "llama": {"positions": "rope", "norm": "rms", "gated": True, "activation": "silu",
              "bias": False, "tied": False, "kv_heads": 2},
}  # fmt: skip


def filled(parts: Parts[Any]) -> Parts[Any]:
    generator = torch.Generator().manual_seed(1)
    for parameter in parts.parameters():
        torch.nn.init.normal_(parameter, 0.05, 0.3, generator=generator)
    return parts.eval()


@torch.no_grad()
def export_encoder(folder: Path, file: Path, kind: str, heads: Any) -> None:
    tokenizer = Tokenizer.from_file(str(file))
    shape = {"layers": 2, "width": 32, "heads": 2, "context": 64} | KINDS[kind]
    values = {"kind": "encoder", "vocab": tokenizer.get_vocab_size(), **shape}
    settings = EncoderSettings.checked(values, "test")
    parts = filled(Parts(kind, Encoder(settings), **heads(settings, kind)))
    save_parts(parts, folder, file, None, "card")
    encoding = Encoding.of(tokenizer, 64)
    given = [encoding.pair(*pair) for pair in zip(*PAIRS, strict=True)]
    ids, types, mask = batch = encoding.batch(given, torch.device("cpu"))
    if parts.task is not None:
        scores = head_scores(parts, batch)
    else:
        states = parts.model(ids, types, parts.model.layout(mask))
        if parts.masked is not None:
            scores = parts.masked(states, parts.model.embeddings)[..., : settings.vocab]
        else:
            assert parts.replaced is not None
            scores = parts.replaced(states)
    named = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask.long()}
    save_file({**named, "scores": scores.contiguous()}, folder / "want.safetensors")


@torch.no_grad()
def export_decoder(folder: Path, file: Path, name: str) -> None:
    tokenizer = Tokenizer.from_file(str(file))
    shape = {"layers": 2, "width": 32, "heads": 4, "context": 48} | DECODERS[name]
    model = GPT(ModelSettings(vocab=tokenizer.get_vocab_size(), **shape))
    save_parts(filled(Parts(name.partition("-")[0], model)), folder, file, 0, "card")
    ids = torch.tensor([tokenizer.encode(TEXT).ids])
    scores = model.logits(model(ids))[..., : model.vocab].contiguous()
    save_file({"input_ids": ids, "scores": scores}, folder / "want.safetensors")


def tokenizer_of(shards: Path) -> Path:
    return shards.parent.parent / "tokenizers" / shards.name / "tokenizer.json"


@pytest.fixture(scope="module")
def exports(
    tmp_path_factory: pytest.TempPathFactory, tokens: Path, encoder_tokens: Path
) -> dict[str, Path]:
    """Each kind of export, by its name; ALBERT has a tokenizer of its own kind."""
    from english import documents

    from benchmarks.books import write_shards

    home = tmp_path_factory.mktemp("exports")
    unigram = write_shards(home / "unigram", documents(100_000), "albert", 800)
    folders = {}
    for kind, use, heads in HEADS:
        folders[f"{kind}-{use}"] = home / f"{kind}-{use}"
        shards = unigram if kind == "albert" else encoder_tokens
        export_encoder(folders[f"{kind}-{use}"], tokenizer_of(shards), kind, heads)
    for name in DECODERS:
        folders[name] = home / name
        export_decoder(folders[name], tokenizer_of(tokens), name)
    classes = {
        name: json.loads((folder / "config.json").read_text())["architectures"][0]
        for name, folder in folders.items()
    }
    (home / "exports.json").write_text(json.dumps(classes))
    return folders


@pytest.mark.system
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="tokenizers 0.13 has wheels up to 3.11")
@pytest.mark.parametrize("versions", VERSIONS, ids=lambda versions: versions[0])
def test_all_open_with_our_scores(
    exports: dict[str, Path], tmp_path: Path, versions: tuple[str, str, str]
) -> None:
    names = ("transformers", "tokenizers", "huggingface-hub")
    wanted = [f"{name}=={version}" for name, version in zip(names, versions, strict=True)]
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([*pip, *wanted], check=True, capture_output=True)
    home = next(iter(exports.values())).parent
    done = subprocess.run(
        [sys.executable, "-P", str(PROJECT / "tests" / "read_exports.py"), str(home)],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    unknown = {name for name, said in found.items() if said == "no class"}
    young = {name for name in found if name.startswith(("modernbert", "llama"))}
    assert unknown == (young if versions == VERSIONS[0] else set())
    assert {n: f for n, f in found.items() if n not in unknown and not _near(f)} == {}


def _near(said: float | str) -> bool:
    return isinstance(said, float) and said < 1e-4


@pytest.mark.parametrize("kind", ["tokens", "encoder_tokens"])
def test_a_portable_tokenizer_is_the_same(request: pytest.FixtureRequest, kind: str) -> None:
    file = tokenizer_of(request.getfixturevalue(kind))
    text = portable_tokenizer(file.read_text())
    mine, theirs = Tokenizer.from_file(str(file)), Tokenizer.from_str(text)
    assert mine.to_str() == theirs.to_str()
    merges = json.loads(text)["model"].get("merges", [])
    assert all(isinstance(merge, str) for merge in merges)


@pytest.mark.parametrize(("scheme", "old"), [("always", True), ("never", False), ("first", None)])
def test_metaspace_says_it_in_the_old_way_too(scheme: str, old: bool | None) -> None:
    from tokenizers import decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("\u2581a", -1.0)], 0, False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme=scheme)]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
    text = portable_tokenizer(tokenizer.to_str())
    said = json.loads(text)
    steps = [said["pre_tokenizer"]["pretokenizers"][0], said["decoder"]]
    assert [step.get("add_prefix_space") for step in steps] == [old, old]
    assert Tokenizer.from_str(text).to_str() == tokenizer.to_str()
