"""Opens the runner of a build: one interface for all of Beam's runners and our own on dask."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.engine.runners.beam_options import beam_options, check_beam_runner
from pipeline.engine.runners.beam_runner import BeamRunner, OpenRunner
from pipeline.engine.runners.profiles import RunnerSettings
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
    name = settings.resolved()
    if name == "dask":
        from pipeline.engine.runners.cluster import open_dask  # noqa: PLC0415  # imports dask

        with open_dask(settings, options, root) as runner:
            yield runner
        return
    rendered = beam_options(settings)
    check_beam_runner(settings, root)
    yield BeamRunner([*rendered, *options])
