"""GPT-3's quality classifier (Brown et al. 2020, appendix A): does a page look like the good ones?

Logistic regression on hashed features of the tokens.  GPT-3 keeps a page where
`pareto(9) > 1 - score`; the draw is taken from the hash of the page's id, so it is the
same in every build.  `pipeline/quality/train.py` trains a model.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.quality.words import Pieces
from pipeline.store import files
from pipeline.store.chance import chance_of
from pipeline.store.errors import SettingError

ALPHA = 9.0
BUCKETS = 1 << 18  # of features, as Spark's HashingTF has by default

COLUMNS = ("classifier_score", "classifier_pareto")

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Model:
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
    def read(cls, path: str) -> Model:
        """Raises SettingError when the file is missing or no such model."""
        try:
            with np.load(io.BytesIO(files.read_bytes(path)), allow_pickle=False) as stored:
                model = cls(stored["weights"], float(stored["bias"]))
        except FileNotFoundError:
            raise SettingError(f"Classifier {path} does not exist", "Train one first") from None
        except (ValueError, KeyError, OSError) as error:
            raise SettingError(f"{path} is no classifier: {error}", "Train it again") from None
        if model.weights.shape != (BUCKETS,):
            raise SettingError(f"{path} is no classifier of {BUCKETS} features", "Train it again")
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


def measure(model: Model | None, pieces: Pieces, page: str) -> dict[str, float | None]:
    """The score, and by how much the draw exceeds 1 - score; None without a model."""
    if model is None:
        return dict.fromkeys(COLUMNS)
    score = model.score(pieces.tokens)
    return {"classifier_score": score, "classifier_pareto": pareto(page) - (1.0 - score)}
