"""Steps out of line: not a number, or a spike of loss or gradient norm.

The decision is made on the device, so that no step waits for the host: the optimizers
skip a step whose `skip` is 1 (as torch's GradScaler does it).  Spikes are told by
z-score over the last steps, as in llm.c (`-sl`, `-sg`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.settings.recipe import GuardSettings


class Guard:
    """Remembers the last losses and gradient norms and judges the next."""

    def __init__(self, settings: GuardSettings, device: torch.device) -> None:
        self.z = settings.z
        self.history = torch.zeros(2, settings.window, device=device)
        self.seen = torch.zeros((), device=device)

    def refuses(self, loss: Tensor, norm: Tensor) -> Tensor:
        """1 when the step must not be applied, else 0: a float tensor on the device."""
        now = torch.stack([loss.detach(), norm.detach()]).float()
        bad = ~torch.isfinite(now).all()
        if self.z > 0:
            window = self.history.shape[1]
            mean, std = self.history.mean(dim=1), self.history.std(dim=1)
            spike = ((now - mean) / std.clamp_min(1e-12) > self.z).any() & (self.seen >= window)
            bad = bad | spike
        kept = torch.cat([self.history[:, 1:], now[:, None]], dim=1)
        self.history = torch.where(bad, self.history, kept)
        self.seen = self.seen + (~bad).float()
        return bad.float()

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold."""
        return {"guard.history": self.history, "guard.seen": self.seen}

    def load(self, state: dict[str, Tensor]) -> None:
        """Takes over the state of a checkpoint."""
        self.history, self.seen = state["guard.history"], state["guard.seen"]
