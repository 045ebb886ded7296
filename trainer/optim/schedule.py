"""The learning rate over a run, as a factor of its peak."""

from __future__ import annotations

import math

from pipeline.store.errors import SettingError
from trainer.settings.recipe import ScheduleSettings

#: Share of a "wsd" run that decays where the recipe does not say (MiniCPM: about a tenth;
#: a fifth in Haegele et al. 2024, "Scaling Laws and Compute-Optimal Training ...").
_WSD_DECAY = 0.2


def factor(settings: ScheduleSettings, progress: float, steps: int) -> float:
    """The factor for the step that begins at `progress`, of `steps` full-batch steps.

    Warm-up is (progress + 1) / warmup, so the first step already learns (llm.c's form); of
    "bert" and "electra" it is progress / warmup, and step 0 has the rate 0, as released
    (`optimization.py` of google-research/albert, `model/optimization.py` of electra).
    """
    if settings.name in ("bert", "electra"):
        return _as_released(settings, progress, steps)
    if progress + 1 < settings.warmup:
        return (progress + 1) / settings.warmup
    begin, decay = settings.warmup, settings.decay or steps - settings.warmup
    if settings.name == "wsd":
        begin, decay = steps - wsd_decay(settings, steps), wsd_decay(settings, steps)
    done = min(1.0, max(0.0, (progress - begin) / decay)) if decay > 0 else 1.0
    if settings.name == "constant":
        return 1.0
    left = (1 + math.cos(math.pi * done)) / 2 if settings.name == "cosine" else 1 - done
    return settings.floor + (1 - settings.floor) * left


def _as_released(settings: ScheduleSettings, progress: float, steps: int) -> float:
    """Decay from step 0 on; the warm-up replaces it, or of "electra" scales it."""
    left = settings.floor + (1 - settings.floor) * (1 - min(progress / steps, 1.0))
    warm = progress / settings.warmup if progress < settings.warmup else 1.0
    if settings.name == "electra":
        return left * warm
    return warm if progress < settings.warmup else left


def wsd_decay(settings: ScheduleSettings, steps: int) -> float:
    """Full-batch steps of the decay of a "wsd" run."""
    return settings.decay or _WSD_DECAY * steps


def length_matters_after(settings: ScheduleSettings, steps: int) -> float:
    """Full-batch steps whose rates are the same in a run of any greater length.

    All of "constant"; of "wsd" those before the decay; of others none.
    """
    if settings.name == "constant":
        return math.inf
    return steps - wsd_decay(settings, steps) if settings.name == "wsd" else 0.0


def check_schedule(settings: ScheduleSettings, steps: int) -> None:
    """Raises SettingError when the warm-up and the decay do not fit into the run."""
    used = settings.warmup + settings.decay
    if used > steps:
        raise SettingError(
            f"schedule.warmup + schedule.decay = {used:g} steps, but train.steps = {steps}",
            "Shorten them or train longer",
        )
