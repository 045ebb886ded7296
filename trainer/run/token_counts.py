"""How often each token stands in the text, for masks that follow from it.

Counted once, in a run's first training samples: each is a uniform sample of the corpus.  The counts
are kept with the run, so that a resumed or grown one, and its evaluation, mask alike.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.store.errors import WebtextError
from trainer.data.header import HEADER
from trainer.data.samples import Samples
from trainer.run.checkpoint import write_atomic
from trainer.run.distributed import World
from trainer.settings.recipe import RunRecipe

#: Samples that are counted: eight million tokens where each has 512.
_COUNTED = 1 << 14
_BATCH = 256


def token_counts(path: Path, stream: Samples, recipe: RunRecipe, world: World) -> NDArray[np.int64]:
    """The counts (vocabulary) of an encoder's run, counted and kept where they are not there."""
    if path.exists():
        return read_counts(path)
    counts = np.zeros(recipe.model.vocab, np.int64)
    total = min(_COUNTED, stream.samples)
    for first in range(0, total, _BATCH):
        rows = stream.batch(first, min(_BATCH, total - first))[:, HEADER:]
        counts += np.bincount(rows[rows >= 0], minlength=len(counts))
    world.barrier()  # nobody reads what another writes
    if world.first:
        write_atomic(path, json.dumps(counts.tolist()))
    return counts


def read_counts(path: Path) -> NDArray[np.int64]:
    """The counts of a run; WebtextError where they are missing or damaged."""
    try:
        return np.array(json.loads(path.read_text(encoding="utf-8")), np.int64)
    except (OSError, ValueError) as error:
        raise WebtextError(f"{path} cannot be read: {error}", "Train again") from None
