"""One of Beam's own runners, and what running a transform means for all of them."""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr

import apache_beam as beam
from apache_beam import pipeline as beam_pipeline
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.store import errors
from pipeline.store.errors import SettingError, WebtextError

#: What Beam adds to the text of an error inside a step.
_STEP = re.compile(r" \[while running '[^']*'\]")
#: An error of ours in the text of a remote traceback.
_REMOTE = re.compile(
    r"pipeline\.store\.errors\.(WebtextError|SettingError): "
    # What Beam adds stands where what was wrong ends and the remedy begins.
    r"(?P<what>.+?)(?: \[while running '[^']*'\](?:\. (?P<remedy>.+))?)?$",
    re.MULTILINE,
)


class BeamRunner:
    """One of Beam's own runners."""

    def __init__(self, options: Sequence[str]) -> None:
        self.name, self._options = options[0].removeprefix("--runner="), list(options)

    def run(self, transform: beam.PTransform, label: str) -> None:
        """Runs one transform; blocks."""
        pipeline = beam.Pipeline(options=parse_options(self._options))
        run_pipeline(pipeline, transform, label)

    def warm_up(self, work: Callable[[], object]) -> None:
        """Nothing: its workers are this process, or not known."""

    def activity(self) -> str:
        """Beam's runners say nothing before they end."""
        return ""


def parse_options(options: Sequence[str]) -> PipelineOptions:
    """Beam's options; SettingError for what its parser refuses."""
    with _parsing():
        return PipelineOptions(list(options))


@contextmanager
def _parsing() -> Iterator[None]:
    """Makes a parser that would print and exit raise SettingError."""
    printed = io.StringIO()
    try:
        with redirect_stderr(printed):
            yield
    except SystemExit:
        reason = printed.getvalue().strip().rpartition("error: ")[2]
        raise SettingError(f"Beam's options: {reason}", "They stand behind `--`") from None


def refuse_unknown(options: Sequence[str]) -> None:
    """Raises SettingError for an option that Beam does not know, and would leave out."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, conflict_handler="resolve")
    for kind in PipelineOptions.__subclasses__():
        kind._add_argparse_args(parser)
    with _parsing():
        unknown = parser.parse_known_args(list(options))[1]
    if unknown:
        raise SettingError(
            f"Beam has no option {unknown[0]}", "What stands behind `--` goes to Beam: correct it"
        )


def run_pipeline(pipeline: beam.Pipeline, transform: beam.PTransform, label: str) -> None:
    """Applies and runs a transform; an error of ours arrives as it was raised."""
    try:
        with _apart_from_notebooks():
            pipeline | label >> transform
            pipeline.run().wait_until_finish()
    except WebtextError as error:
        raise type(error)(_STEP.sub("", error.what), error.remedy) from error
    except Exception as error:
        if _last_line(str(error)) == KeyboardInterrupt.__name__:  # what Beam makes of Ctrl-C
            raise KeyboardInterrupt from error
        raise _ours(error, label) from error


@contextmanager
def _apart_from_notebooks() -> Iterator[None]:
    """Runs a pipeline in a notebook's kernel as anywhere else.

    Beam would look for pipelines that cells have defined, to give them other labels; for that it
    imports its data frames, which fail with pandas 3.
    """
    replaced = {"is_in_ipython": lambda: False, "alter_label_if_ipython": lambda *_: None}
    before = {name: getattr(beam_pipeline, name) for name in replaced}
    try:
        for name, function in replaced.items():
            setattr(beam_pipeline, name, function)
        yield
    finally:
        for name, function in before.items():
            setattr(beam_pipeline, name, function)


def _ours(error: Exception, label: str) -> WebtextError:
    """The error of ours inside one from a remote worker; else one that names the stage."""
    text = str(error)
    matches = list(_REMOTE.finditer(text.replace("\\n", "\n")))
    if matches:
        kind, what, remedy = matches[-1].groups(default="")
        recovered: WebtextError = getattr(errors, kind)(what, remedy.rstrip("\"' "))
        return recovered
    return WebtextError(
        f"Stage {label} failed: {type(error).__name__}: {_last_line(text)[:300]}",
        "Run again with `webtext --debug …` for the traceback",
    )


def _last_line(text: str) -> str:
    """Of an error, without the step that Beam names; empty where there is none."""
    return _STEP.sub("", text.strip().rpartition("\n")[2].strip())
