"""ELECTRA finds replaced tokens where the text gives them away: each token stands there twice."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.data.header import HEADER
from trainer.data.vocabulary import Vocabulary
from trainer.objectives.electra import Electra
from trainer.objectives.masked import Masker
from trainer.optim import build_optimizers
from trainer.settings.model import EncoderSettings
from trainer.settings.objective import ElectraSettings, MaskSettings
from trainer.settings.recipe import OptimSettings

SIZE, LENGTH, BATCH, STEPS = 40, 6, 128, 700
CONTEXT = 8
VOCABULARY = Vocabulary(SIZE, 0, 1, 2, 3, frozenset({0, 1, 2, 3}), (True,) * SIZE)


def rows(first: int) -> Tensor:
    """Samples of three tokens, each of them twice, that no other number has."""
    generator = torch.Generator().manual_seed(first)
    said = torch.zeros(BATCH, HEADER + LENGTH, dtype=torch.int32)
    said[:, :HEADER] = torch.tensor([0, 0, LENGTH, -1])
    said[:, 0] = torch.arange(first, first + BATCH)
    words = torch.randint(4, SIZE, (BATCH, LENGTH // 2), generator=generator)
    said[:, HEADER:] = words.repeat_interleave(2, dim=1)
    return said


def judged(made: Electra) -> dict[str, float]:
    made.eval()
    with torch.no_grad():
        found = [made.tallies(made.prepare(rows(n * BATCH + (1 << 20)))) for n in range(8)]
    made.train()
    totals = {name: torch.stack([one[name] for one in found]).sum(0) for name in found[0]}
    return made.summary(totals)


def test_the_area_rises_from_chance_to_nearly_all() -> None:
    shape = {"layers": 2, "width": 64, "heads": 4, "context": CONTEXT, "embedding": 64}
    settings = EncoderSettings(kind="encoder", vocab=SIZE, **shape)
    mask = MaskSettings(masked=0.85, random=0.0)
    electra = ElectraSettings(generator=0.25)
    made = Electra(settings, electra, Masker(mask, VOCABULARY, CONTEXT, 1), seed=1)
    made.init_weights(1)
    optim = OptimSettings(bias_correction=False, lr=3e-3, betas=(0.9, 0.98), eps=1e-6)
    optimizers = build_optimizers(made, optim)
    before = judged(made)["rtd_auc"]
    for step in range(STEPS):
        batch = made.prepare(rows(step * BATCH))
        terms, counts = made(batch), made.counts(batch)
        torch.stack([w * terms[n] / counts[n] for n, w in made.weights.items()]).sum().backward()
        torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * min(1.0, step / 50)
            optimizer.found_inf = torch.zeros(())  # type: ignore[attr-defined]
            optimizer.step()
            optimizer.zero_grad()
    assert 0.4 < before < 0.6
    assert judged(made)["rtd_auc"] > 0.9
