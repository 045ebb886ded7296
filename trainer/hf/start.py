"""`train.init`: a run starts from weights in Hugging Face's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from pipeline.store.errors import SettingError
from trainer.data.tokenizers import content_of
from trainer.hf.folder import FORMATS, load_parts
from trainer.models.parts import Parts
from trainer.objectives.base import Objective


def start_from(objective: Objective, folder: str, tokenizer: Path) -> list[str]:
    """Fills an objective's models from a folder, as `webtext export` lays it out.

    Heads that the folder has not keep their first weights, and so does a model whose folder is
    missing (ELECTRA's generator): the result says which.  Raises SettingError where shape or
    tokenizer are not the run's.
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
    """Copies what both have; returns the names of what only ours has."""
    if parts.kind != theirs.kind:
        raise SettingError(
            f"train.init: {source} holds a model of kind {theirs.kind}, the run's is {parts.kind}",
            "Take weights of the run's kind",
        )
    here, there = (dict(FORMATS[parts.kind].tensors(one)) for one in (parts, theirs))
    missing = here.keys() - there.keys()
    for name in sorted(here.keys() & there.keys()):
        if here[name].shape != there[name].shape:
            raise SettingError(
                f"train.init: {name} has the shape {tuple(there[name].shape)} in {source}, in the "
                f"run {tuple(here[name].shape)}",
                "Set [model] as the config.json of the weights says",
            )
        with torch.no_grad():
            here[name].copy_(there[name])
    _check_settings(parts, theirs, source)
    return sorted(missing)


def _check_settings(parts: Parts[Any], theirs: Parts[Any], source: Path) -> None:
    """What changes a model's numbers and leaves no trace in the shapes of its weights."""
    for name in ("heads", "eps", "activation", "attention", "band", "global_every", "rope_theta"):
        mine, other = getattr(parts.model.settings, name), getattr(theirs.model.settings, name)
        if mine != other and not (name == "band" and parts.model.settings.attention == "dense"):
            raise SettingError(
                f"train.init: model.{name} = {mine!r} in the run, {other!r} in {source}",
                f"Set model.{name} = {other!r}",
            )


def _check_tokenizer(source: Path, folder: Path, tokenizer: Path) -> None:
    """The weights' tokenizer must say what the run's says, where it is there."""
    for place in (source, folder):
        if (place / "tokenizer.json").exists():
            if content_of(place / "tokenizer.json") != content_of(tokenizer):
                raise SettingError(
                    f"train.init: the tokenizer in {place} is not that of the shards",
                    'Build the shards with it: [tokens] kind = "file"',
                )
            return
