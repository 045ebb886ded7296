"""What the quality stage asks of a text classifier in a file, and its registry `webtext.scorers`.

A kind of file is one class: it knows its files by their content, and gives the classifier's
outputs for texts.  It stands on the ground, since kinds that need torch are the trainer's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from pipeline.store import files
from pipeline.store.errors import SettingError
from pipeline.store.registry import Registry, nearest

Floats = npt.NDArray[np.float64]
Activation = Literal["auto", "none", "softmax", "sigmoid"]

HEAD = 16  # bytes by which a kind of file is told
_NAMED_LABELS = 10  # in an error
#: Where a folder, as hubs have it, keeps its model.
_IN_FOLDER = ("model.safetensors", "model.onnx", "onnx/model.onnx", "model.bin")
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True)
class ScorerOptions:
    """A classifier and how it is used: `path` is the model's file itself."""

    path: str
    output: str | int | None = None
    tensor: str | None = None
    activation: Activation = "auto"
    tokens: int = 512
    batch: int = 32


class Scorer(ABC):
    """A classifier, opened in one process for any number of texts."""

    #: Modules it imports, and the extras of this project that bring them.
    modules: ClassVar[tuple[str, ...]] = ()
    extras: ClassVar[str] = "scorers"
    #: Raised by hand when the class gives other outputs for the same text.
    version: ClassVar[str] = "1"
    #: Significant digits that are kept: what differs behind them depends on the processor.
    digits: ClassVar[int] = 6

    def __init__(self, options: ScorerOptions) -> None:
        """Raises SettingError for a file that is damaged, or another than it seems."""
        self.options = options

    @classmethod
    @abstractmethod
    def reads(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` (HEAD bytes) is of this kind."""

    @classmethod
    def files(cls, path: str) -> list[str]:
        """The files that decide the outputs, that of the model first."""
        return [path]

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """The names of the outputs, in order."""

    @abstractmethod
    def outputs(self, texts: Sequence[str]) -> Floats:
        """float64 (texts, labels)."""

    def score(self, texts: Sequence[str]) -> list[float]:
        """The output that the options name, of each text.  SettingError where it is no number."""
        column = column_of(self.labels, self.options.output, self.options.path)
        values = self.outputs(texts)[:, column]
        if not np.isfinite(values).all():
            raise SettingError(f"{self.options.path} gives scores that are no numbers", _ANOTHER)
        return [float(f"{value:.{self.digits}g}") for value in values]


SCORERS = Registry("webtext.scorers", Scorer, "kind of scorer")  # type: ignore[type-abstract]

_ANOTHER = "Fetch the model again, or use another"


def column_of(labels: Sequence[str], output: str | int | None, path: str) -> int:
    """The output that a setting means: by its label, by its number, or the only one."""
    if isinstance(output, int) and 0 <= output < len(labels):
        return output
    if output in labels:
        return labels.index(str(output))
    if output is None and len(labels) == 1:
        return 0
    listed = ", ".join(labels[:_NAMED_LABELS]) + (", …" if len(labels) > _NAMED_LABELS else "")
    if output is None:
        raise SettingError(
            f"{path} has {len(labels)} outputs, and no `output` is set", f"One of: {listed}"
        )
    hint = nearest(str(output), labels)
    raise SettingError(f"{path} has no output {output!r}", f"One of: {listed}{hint}")


def model_file(path: str) -> str:
    """The file of a model that is given by its file or its folder."""
    paths = [files.join(path, name) for name in _IN_FOLDER]
    present = [one for one in paths if files.exists(one)]
    if len(present) > 1:
        raise SettingError(f"{path} holds {len(present)} models", f"Name one: {', '.join(present)}")
    if present:
        return present[0]
    if not files.exists(path):
        raise SettingError(f"The scorer {path} does not exist", "Correct its path")
    if not files.is_remote(path) and Path(files.local_path(path)).is_dir():
        raise SettingError(f"{path} holds no model", f"It needs one of: {', '.join(_IN_FOLDER)}")
    return path


def kind_of(path: str) -> type[Scorer]:
    """The class that reads a model's file, by its first bytes.

    Raises SettingError for another file, and where what the class needs is not installed.
    """
    with files.open_read(path) as stream:
        head = stream.read(HEAD)
    kinds = [kind for kind in SCORERS.classes().values() if kind.reads(head)]
    if not kinds:
        if head.startswith(_PICKLES):
            raise SettingError(f"{path} is a pickle, which is not read", "Save it as safetensors")
        raise SettingError(
            f"{path} is no model that can be read", f"Give one of: {', '.join(SCORERS.names())}"
        )
    missing = [name for name in kinds[0].modules if find_spec(name) is None]
    if missing:
        raise SettingError(
            f"{path} needs {' and '.join(missing)}, not installed here",
            f"pip install 'webtext[{kinds[0].extras}]'",
        )
    return kinds[0]
