"""The steps of the tokens stage: the tokenizer, pieces, shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from pipeline.engine.stage_steps import Ending, StageSteps
from pipeline.engine.steps import Step, all_of, without_scratch
from pipeline.store import files
from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.manifest import Manifest, read_manifest
from pipeline.store.parts import Part, unit_key
from pipeline.tokens.draws import SPLITS
from pipeline.tokens.empty_split import fill_empty_split
from pipeline.tokens.encode import EncodeUnit, encode_part
from pipeline.tokens.megatron import dtype_for
from pipeline.tokens.shards import ShardUnit, assemble_shard
from pipeline.tokens.tokenizer import TOKENIZER
from pipeline.tokens.train import TokenizerUnit, make_tokenizer


def plan_tokens(unit: TokenizerUnit, folder: str, draft: Manifest) -> StageSteps:
    """The tokenizer; then pieces; then shards."""
    steps = (
        Step("Train", partial(all_of, (unit,)), make_tokenizer, alone=True),
        Step("Encode", partial(plan_pieces, unit, folder, draft), encode_part),
        Step("Assemble", partial(plan_shards, unit, folder, draft), assemble_shard),
    )
    name = partial(with_tokenizer, unit.folder, unit.settings.name)
    return StageSteps(steps, Ending(folder, draft, partial(map, without_scratch), name))


def plan_pieces(
    unit: TokenizerUnit, folder: str, draft: Manifest, _trained: Sequence[Part]
) -> list[EncodeUnit]:
    """A piece for each part of the corpus."""
    key = unit_key(with_tokenizer(unit.folder, unit.settings.name, draft))
    path = files.join(unit.folder, TOKENIZER)
    return [
        EncodeUnit(part, number, folder, key, path, unit.settings)
        for number, part in enumerate(unit.corpus)
    ]


def plan_shards(
    unit: TokenizerUnit, folder: str, draft: Manifest, before: Sequence[Part]
) -> list[ShardUnit]:
    """The shards of both splits; their number follows from the tokens or the setting."""
    pieces = [part for part in before if part.file]
    settings = unit.settings
    dtype, header = _token_type(unit)
    trained = with_tokenizer(unit.folder, settings.name, draft)
    names = tuple(sorted(part.file.name for part in pieces if part.file))
    tokens = {split: sum(part.extra[f"{split}_tokens"] for part in pieces) for split in SPLITS}
    moved = fill_empty_split([files.join(folder, name) for name in names], tokens)
    if moved:
        tokens = {
            split: n + moved.token_changes()[f"{split}_tokens"] for split, n in tokens.items()
        }
    units: list[ShardUnit] = []
    for split in (split for split in SPLITS if tokens[split]):
        of = settings.shards if split == "train" else 0
        of = of or -(-tokens[split] // settings.shard_tokens)
        if moved and split == moved.to:
            of = 1
        key = unit_key(trained, split, of, names)
        first = ShardUnit(split, 0, of, names, folder, key, dtype, header, moved)
        units += [replace(first, number=n) for n in range(of)]
    if not units:
        raise WebtextError(
            f"Stage tokens: the tokenizer {settings.name} makes no token of any document",
            "Take another tokenizer, or look at the texts: `webtext show ROOT corpus`",
        )
    return units


def _token_type(unit: TokenizerUnit) -> tuple[str, bool]:
    """The type of the shards' tokens, and whether they get llm.c's header."""
    vocab = _require(unit.folder).extra["vocab_size"]
    dtype, header = dtype_for(vocab), unit.settings.header == "llm.c"
    if header and dtype.itemsize != 2:
        raise SettingError(
            f"tokens.header = llm.c: a vocabulary of {vocab:,} does not fit its 16 bits",
            "Set tokens.header to none, or take a smaller vocabulary",
        )
    return dtype.str, header


def with_tokenizer(folder: str, name: str, manifest: Manifest) -> Manifest:
    """Names the tokenizer, which may have been trained just now, among the inputs."""
    tokenizer = _require(folder)
    inputs = manifest.inputs | {f"tokenizers/{name}": tokenizer.fingerprint}
    extra = manifest.extra | {"vocab_size": tokenizer.extra["vocab_size"]}
    warnings = [*tokenizer.warnings]
    if extra.get("train_tokens") and not extra["validation_tokens"]:
        warnings.append("its one document is to train on, so there is no text for validation")
    update = {"inputs": inputs, "extra": extra, "warnings": warnings}
    return manifest.model_copy(update=update)


def _require(folder: str) -> Manifest:
    manifest = read_manifest(folder)
    if manifest is None:
        raise WebtextError(f"No finished tokenizer in {folder}", "Run the same command again")
    return manifest
