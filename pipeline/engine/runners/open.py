"""Opens the runner of a build, whichever it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.engine.runners.beam_runner import refuse_unknown
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.runners.runner_kind import OpenRunner
from pipeline.store.errors import SettingError


@contextmanager
def open_runner(
    settings: RunnerSettings, options: Sequence[str] = (), root: str = ""
) -> Iterator[OpenRunner]:
    """Opens the runner of a profile; `options` are Beam's, as the user gave them.

    `root` is where the stages write: each worker on another machine must reach it.
    Raises SettingError for options that are known to go wrong, WebtextError when a
    cluster cannot be reached or would not do the work.
    """
    if any("multi_threading" in option for option in options):
        raise SettingError(
            "direct_running_mode=multi_threading corrupts streams with two workers or more",
            "Leave it out: more workers run as processes",
        )
    # Beam logs the traceback of every error that it also raises; it is shown once, by the command.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    chosen = settings.chosen()
    if not chosen.takes_any_option:
        refuse_unknown(options)
    with chosen.open(options, root) as runner:
        yield runner
