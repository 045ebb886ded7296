"""Which exports an encoder's run gives: one folder for each of Hugging Face's classes."""

from __future__ import annotations

from trainer.hf.encoder import Kind, Parts
from trainer.objectives.base import Objective
from trainer.objectives.bert import Albert, MaskedPairs
from trainer.objectives.electra import Electra


def parts_of(objective: Objective) -> dict[str, Parts]:
    """Parts by folder below the export ("" is the export itself); empty for a decoder.

    ELECTRA's generator goes to `generator`, with a copy of the embedding that both share.
    """
    if isinstance(objective, Electra):
        generator = Parts("electra-generator", objective.generator, masked=objective.masked)
        return {
            "": Parts("electra", objective.model, replaced=objective.replaced),
            "generator": generator,
        }
    if isinstance(objective, MaskedPairs):
        kind: Kind = "albert" if isinstance(objective, Albert) else "bert"
        return {"": Parts(kind, objective.model, masked=objective.masked, pair=objective.pair)}
    return {}
