"""One of Beam's own runners, and what running a transform means for all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import apache_beam as beam
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

    def activity(self) -> str:
        """Beam's runners say nothing before they end."""
        return ""


def parse_options(options: Sequence[str]) -> PipelineOptions:
    """Beam's options; SettingError for what its parser refuses."""
    try:
        return PipelineOptions(list(options))
    except SystemExit:
        raise SettingError(f"Beam does not take the options {' '.join(options)}") from None


def run_pipeline(pipeline: beam.Pipeline, transform: beam.PTransform, label: str) -> None:
    """Applies and runs a transform; an error of ours arrives as it was raised."""
    try:
        pipeline | label >> transform
        pipeline.run().wait_until_finish()
    except WebtextError as error:
        raise type(error)(_STEP.sub("", error.what), error.remedy) from error
    except Exception as error:
        raise _ours(error, label) from error


def _ours(error: Exception, label: str) -> WebtextError:
    """The error of ours inside one from a remote worker; else one that names the stage."""
    text = str(error)
    matches = list(_REMOTE.finditer(text.replace("\\n", "\n")))
    if matches:
        kind, what, remedy = matches[-1].groups(default="")
        recovered: WebtextError = getattr(errors, kind)(what, remedy.rstrip("\"' "))
        return recovered
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = _STEP.sub("", lines[-1])[:300] if lines else ""
    return WebtextError(
        f"Stage {label} failed: {type(error).__name__}: {last}",
        "Run again with `webtext --debug …` for the traceback",
    )
