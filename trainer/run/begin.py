"""A training begins in its folder: a new run, or one that is there and is the same."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable

import torch

from pipeline.store import files
from pipeline.store.errors import SettingError
from trainer.data.shard_set import Shards
from trainer.data.tokenizers import read_tokenizer, same_tokenizers
from trainer.objectives import objective_class
from trainer.run.checkpoint import write_atomic
from trainer.run.extend import extend
from trainer.run.run import RunFacts, RunFolder, Start, end_token
from trainer.run.weights_digest import weights_digest
from trainer.settings.recipe import RunRecipe, differences

Say = Callable[[str], None]


def start_run(
    folder: RunFolder, recipe: RunRecipe, shards: Shards, start: Start, say: Say
) -> RunFacts:
    """Creates the run's folder, or checks that the run there is the same one, but for its steps.

    Raises SettingError when the folder does not suit `start`, or when the recipe, the shards
    or the tokenizer are not those that its run was started with.
    """
    folder.check_start(start)
    tokenizer = files.read_bytes(shards.tokenizer)
    loaded = read_tokenizer(shards.tokenizer)
    started = folder.begun
    if started:
        shards = shards.at(folder.facts().generations)
    facts = RunFacts(
        recipe=recipe.model_dump(mode="json"),
        identity=recipe.identity(),
        data=shards.address,
        fingerprint=shards.fingerprint,
        tokenizer=hashlib.sha256(tokenizer).hexdigest(),
        end_token=end_token(loaded),
        torch=torch.__version__,
        python=platform.python_version(),
        generations=shards.recorded(),
        teacher=_teacher_mark(recipe),
    )
    if started:
        _check_same(folder, facts, shards.tokenizer)
        extend(folder, recipe, say)
    folder.path.mkdir(parents=True, exist_ok=True)
    write_atomic(folder.tokenizer_path, tokenizer.decode("utf-8"))
    folder.write(facts)
    return facts


def _check_same(folder: RunFolder, facts: RunFacts, tokenizer: str) -> None:
    before = folder.facts()
    different = differences(facts.identity, before.identity)
    if changed := [one for one in different if not one.startswith("train.steps:")]:
        raise SettingError(
            f"{folder.path} was started with another recipe ({'; '.join(changed)})",
            "Resume with the recipe it was started with, or choose another --out",
        )
    if facts.fingerprint != before.fingerprint:
        raise _started_on_other("shards", folder, before.fingerprint, facts.fingerprint)
    if facts.teacher != before.teacher:
        raise _started_on_other("teacher's weights", folder, before.teacher, facts.teacher)
    if not same_tokenizers([tokenizer, folder.tokenizer_path]):
        raise _started_on_other("tokenizer", folder, before.tokenizer, facts.tokenizer)


def _started_on_other(name: str, folder: RunFolder, then: str, now: str) -> SettingError:
    return SettingError(
        f"{folder.path} was started on other {name} (fingerprint {then[:12]}, here {now[:12]})",
        "Give what it was started with, or choose another --out",
    )


def _teacher_mark(recipe: RunRecipe) -> str:
    """A digest of the weights that the run learns from; empty where it learns from none."""
    source = objective_class(recipe).teacher_of(recipe)
    return "" if source is None else weights_digest(source)
