"""One process of several that train one model after the other: `python -m` by torchrun.

Reads a JSON list of cases, each a recipe, overrides, shards, folder and how it starts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainer.loop.train import train_in
from trainer.run.distributed import World, joined
from trainer.settings.recipe import read_run_recipe


def train_all(world: World, cases: Sequence[dict[str, Any]]) -> None:
    for case in cases:
        recipe = read_run_recipe(case["recipe"], case["overrides"])
        train_in(world, recipe, case["data"], Path(case["out"]), case["start"])


def names_of_threads() -> list[str]:
    """Those of all threads of this process, also such as Python does not know."""
    return [(task / "comm").read_text().strip() for task in Path("/proc/self/task").glob("*")]


if __name__ == "__main__":
    with joined("cpu") as processes:
        train_all(processes, json.loads(Path(sys.argv[1]).read_text()))
    # One that is left may abort the process when its interpreter ends.
    left = [name for name in names_of_threads() if "gloo" in name]
    assert not left, f"threads of the group are left: {left}"
