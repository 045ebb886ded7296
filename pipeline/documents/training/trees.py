"""Boosted trees by CatBoost, as forests of whole numbers (`blocks/forest.py`)."""

from __future__ import annotations

import json
import math
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.documents.blocks.forest import SCALE, Forest
from pipeline.store.errors import WebtextError

#: Chosen on folds of domains (`docs/extraction.md`): deeper trees and finer borders add nothing.
_PARAMETERS = {
    "loss_function": "CrossEntropy",
    "depth": 6,
    "border_count": 63,
    "rsm": 0.3,
    "bootstrap_type": "Bernoulli",
    "subsample": 0.8,
    "score_function": "L2",
    "boosting_type": "Plain",
    "leaf_estimation_iterations": 1,
    "l2_leaf_reg": 3,
    "random_seed": 1,
    "allow_writing_files": False,
    "verbose": 0,
}


def require() -> None:
    """Raises WebtextError where the libraries of training are not installed."""
    try:
        import_module("catboost")
        import_module("sklearn.linear_model")
    except ImportError as error:
        raise WebtextError(
            f"Training needs a library that is not installed: {error.name}",
            'Run `pip install "webtext[train-extractor]"`',
        ) from None


def fit(
    table: npt.NDArray[np.int16],
    labels: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    names: list[str],
    trees: int,
    rate: float,
    threads: int,
) -> Forest:
    """Trees that tell labels in [0, 1] from the columns of a table; `weights` are of its rows."""
    catboost = import_module("catboost")
    model = catboost.CatBoost(
        {**_PARAMETERS, "iterations": trees, "learning_rate": rate, "thread_count": threads}
    )
    scaled = weights * (len(weights) / weights.sum())
    model.fit(catboost.Pool(table.astype(np.float32), labels, weight=scaled))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        values = json.loads(path.read_text("utf-8"))
    return _forest(values, names)


def _forest(model: dict[str, Any], names: list[str]) -> Forest:
    """CatBoost's trees with whole thresholds and leaves, and only the features they ask for."""
    depth = int(_PARAMETERS["depth"])  # type: ignore[call-overload]
    trees = model["oblivious_trees"]
    chosen = np.zeros((depth, len(trees)), dtype=np.int64)
    thresholds = np.full((depth, len(trees)), np.iinfo(np.int16).max, dtype=np.int16)
    leaves = np.zeros((len(trees), 1 << depth), dtype=np.int32)
    scale, (bias,) = model["scale_and_bias"]
    for number, tree in enumerate(trees):
        splits = tree["splits"] or []
        for level, split in enumerate(splits):
            chosen[level, number] = split["float_feature_index"]
            # value > border, of whole values: value > floor(border)
            thresholds[level, number] = math.floor(split["border"])
        values = [round(value * scale * SCALE) for value in tree["leaf_values"]]
        leaves[number, : len(values)] = values
    used = np.unique(chosen)
    return Forest(
        features=tuple(names[feature] for feature in used),
        asked=np.searchsorted(used, chosen),
        thresholds=thresholds,
        leaves=leaves,
        bias=round(bias * SCALE),
        bounds=_bounds(),
    )


def _bounds() -> npt.NDArray[np.int64]:
    """The least sum of leaves for each chance of 1 … 999 thousandths, rounded to the nearest."""
    shares = [(thousandth - 0.5) / 1000 for thousandth in range(1, 1000)]
    odds = [math.log(share / (1 - share)) for share in shares]
    return np.array([math.ceil(value * SCALE) for value in odds], dtype=np.int64)
