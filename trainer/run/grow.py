"""New intervals of a corpus join a run that is under way."""

from __future__ import annotations

from dataclasses import replace

from trainer.data.shard_set import Shards
from trainer.objectives import open_stream
from trainer.run.checkpoint import latest
from trainer.run.run import RunFolder
from trainer.settings.recipe import RunRecipe


def grow(folder: RunFolder, recipe: RunRecipe, shards: Shards) -> None:
    """Records in `run.json` where the intervals that were built since take part.

    They join where the corpus's epoch ends that is under way at the last checkpoint, so that
    each sample is still taken once an epoch.  `shards` has all intervals that are there.
    """
    facts = folder.facts()
    before = shards.at(facts.generations)
    checkpoint = latest(folder.checkpoints, lambda _: None)
    consumed = checkpoint.consumed if checkpoint is not None else 0
    stream = open_stream(recipe, before, "train")
    numbering = stream.numbering
    taken = numbering.mixture.counts(consumed)
    stream.close()
    after = Shards(
        tuple(
            corpus.joined(numbering.epoch_end(number, taken[number]))
            for number, corpus in enumerate(before.corpora)
        )
    )
    folder.write(replace(facts, generations=after.recorded(), fingerprint=after.fingerprint))
