"""`train.init`: a run starts from weights in Hugging Face's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pipeline.store.errors import SettingError
from trainer.data.tokenizers import same_tokenizers
from trainer.hf.folder import FORMATS, load_parts
from trainer.models.parts import Parts
from trainer.objectives.base import Objective
from trainer.settings.model import EncoderSettings, ModelSettings

#: What must be one in the run and in the weights: all but dropout, and what pads the vocabulary.
_SAME = (
    "layers",
    "width",
    "heads",
    "kv_head_count",
    "each_head",
    "inner_width",
    "context",
    "vocab",
    "tied",
    "positions",
    "rope_theta",
    "norm",
    "eps",
    "qk_norm",
    "activation",
    "gated",
    "bias",
    "attention",
    "band",
    "global_every",
)
_SAME_OF_ENCODERS = (
    "embedding_width",
    "group_count",
    "inner_layers",
    "norm_first",
    "types",
    "local_theta",
    "projects",
)
#: The settings that properties of other names follow from.
_SETTING = {
    "kv_head_count": "kv_heads",
    "each_head": "head_width",
    "inner_width": "inner",
    "embedding_width": "embedding",
    "group_count": "groups",
    "projects": "project",
}


def start_from(objective: Objective, folder: str, tokenizer: Path) -> list[str]:
    """Fills an objective's models from a folder, as `webtext export` lays it out.

    Heads that the folder has not keep their first weights, and so does a model whose folder is
    missing (ELECTRA's generator): the result says which.  Raises SettingError where the model or
    the tokenizer are not the run's.
    """
    left = []
    for name, parts in objective.exports().items():
        source = Path(folder) / name
        if name and not (source / "config.json").exists():
            left.append(name)
            continue
        _check_tokenizer(source, Path(folder), tokenizer)
        left += _copy(parts, load_parts(source), source)
    return left


def _copy(parts: Parts[Any], theirs: Parts[Any], source: Path) -> list[str]:
    """Copies the body and the heads that both have; returns the names of what only ours has."""
    if parts.kind != theirs.kind:
        raise SettingError(
            f"train.init: {source} holds a model of kind {theirs.kind}, the run's is {parts.kind}",
            "Take weights of the run's kind",
        )
    _check_settings(parts.model.settings, theirs.model.settings, source)
    here, there = (dict(FORMATS[parts.kind].tensors(one)) for one in (parts, theirs))
    with torch.no_grad():
        for name in here.keys() & there.keys():
            here[name].copy_(there[name])
    return sorted(here.keys() - there.keys())


def _check_settings(mine: ModelSettings, theirs: ModelSettings, source: Path) -> None:
    """Layers that are shared, heads and epsilons leave no trace in the shapes of weights."""
    for name in (*_SAME, *(_SAME_OF_ENCODERS if isinstance(mine, EncoderSettings) else ())):
        if getattr(mine, name) == getattr(theirs, name) or _unused(name, mine, theirs):
            continue
        setting = f"model.{_SETTING.get(name, name)}"
        now, then = getattr(mine, name), getattr(theirs, name)
        raise SettingError(
            f"train.init: {setting} = {now!r} in the run, {then!r} in {source}",
            f"Set {setting} = {then!r}",
        )


def _unused(name: str, mine: ModelSettings, theirs: ModelSettings) -> bool:
    """Whether a setting says nothing of either model."""
    if name in ("band", "global_every", "local_theta"):
        return mine.attention == theirs.attention == "dense"
    if name in ("rope_theta", "local_theta"):
        return mine.positions == theirs.positions == "learned"
    return name == "context" and mine.positions == theirs.positions == "rope"


def _check_tokenizer(source: Path, folder: Path, tokenizer: Path) -> None:
    """The weights' tokenizer must say what the run's says, where it is there."""
    for one in (source, folder):
        if (one / "tokenizer.json").exists():
            if not same_tokenizers([one / "tokenizer.json", tokenizer]):
                raise SettingError(
                    f"train.init: the tokenizer in {one} is not that of the shards",
                    'Build the shards with it: [tokens] kind = "file"',
                )
            return
