"""GPT-3's quality classifier (Brown et al. 2020, appendix A): does a page look like the good ones?

Logistic regression on hashed features of the tokens.  GPT-3 keeps a page where
`pareto(9) > 1 - score`; the draw is taken from the hash of the page's id, so it is the
same in every build.  `pipeline/quality/train.py` trains a model.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from pipeline.quality.measure import Limit, Limits, Measure
from pipeline.quality.words import Pieces
from pipeline.store import files
from pipeline.store.chance import chance_of
from pipeline.store.errors import SettingError

ALPHA = 9.0
BUCKETS = 1 << 18  # of features, as Spark's HashingTF has by default

_TRAIN = "`webtext train-classifier` writes one"
_MOST_BYTES = BUCKETS * 8 + (1 << 16)  # of a model, unpacked

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassifierModel:
    """Weights of the buckets, and the bias."""

    weights: Floats
    bias: float

    def score(self, tokens: list[str]) -> float:
        """The probability, in [0, 1], that a page is one of the good ones."""
        buckets, values = features(tokens)
        margin = float(self.weights[buckets] @ values) + self.bias
        return float(1.0 / (1.0 + np.exp(-np.clip(margin, -60, 60))))

    def write(self, path: str) -> None:
        """Writes an .npz file; equal models give equal bytes."""
        stream = io.BytesIO()
        np.savez_compressed(stream, weights=self.weights, bias=np.float64(self.bias))
        files.write_bytes(path, stream.getvalue())

    @classmethod
    def read(cls, path: str) -> ClassifierModel:
        """Raises SettingError when the file is missing or no such model."""
        try:
            content = files.read_bytes(path)
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
                    raise ValueError("it is far too long")
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                model = cls(stored["weights"], float(stored["bias"]))
        except FileNotFoundError:
            raise SettingError(f"Classifier {path} does not exist", _TRAIN) from None
        except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
            raise SettingError(f"{path} is no classifier: {error}", _TRAIN) from None
        if model.weights.shape != (BUCKETS,):
            raise SettingError(f"{path} is no classifier of {BUCKETS} features", _TRAIN)
        return model


def features(tokens: list[str]) -> tuple[Numbers, Floats]:
    """(buckets, values): log of 1 + count of each token, scaled to length 1."""
    hashes = [zlib.crc32(token.encode("utf-8", "surrogatepass")) % BUCKETS for token in tokens]
    buckets, counts = np.unique(np.array(hashes, dtype=np.int64), return_counts=True)
    values = np.log1p(counts)
    norm = float(np.linalg.norm(values)) or 1.0
    return buckets, (values / norm).astype(np.float32)


def uniform(page: str) -> float:
    """A number in (0, 1], evenly spread over ids and independent of their order."""
    return 1.0 - chance_of(page, "classifier")


def pareto(page: str) -> float:
    """A draw of NumPy's `pareto(9)` (Lomax) from the hash of an id."""
    return float(uniform(page) ** (-1.0 / ALPHA) - 1.0)


class ClassifierSettings(Limits):
    """GPT-3's classifier, by a model that `webtext train-classifier` made.

    Source: Brown et al. 2020, appendix A.
    """

    model: str | None = None
    """The file with the model."""
    min_score: Limit = False
    """Least probability that a page is one of the good ones."""
    min_pareto: Limit = False
    """0 is GPT-3's rule: kept where pareto(9) > 1 - score."""

    @model_validator(mode="after")
    def _has_model(self) -> Self:
        self.need_model(self.model)
        return self


class Classifier(Measure):
    """Columns and rules of `[quality.classifier]`."""

    settings = ClassifierSettings
    columns = ("classifier_score", "classifier_pareto")
    rank = 90

    def __init__(self, settings: ClassifierSettings) -> None:
        super().__init__(settings)
        self._model = None if settings.model is None else ClassifierModel.read(settings.model)

    def measure(self, pieces: Pieces) -> dict[str, float | None]:
        """The score, and by how much the draw exceeds 1 - score; None without a model."""
        if self._model is None:
            return dict.fromkeys(self.columns)
        score = self._model.score(pieces.tokens)
        return {"classifier_score": score, "classifier_pareto": pareto(pieces.id) - (1.0 - score)}

    @classmethod
    def files(cls, settings: ClassifierSettings) -> dict[str, str]:
        """The model."""
        return {"classifier": settings.model} if settings.model else {}
