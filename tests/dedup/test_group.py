"""Components by large and small stars: those of union-find, whatever the graph looks like."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipeline.dedup.bands import Numbers
from pipeline.dedup.components import UnionFind
from pipeline.dedup.database import database
from pipeline.dedup.group import find_roots


def line(size: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """One component as long as it can be, its documents in any order."""
    order = rng.permutation(size)
    return order[:-1], order[1:]


def scattered(size: int, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Many components, with some pairs twice."""
    one, other = rng.integers(0, size, size // 2), rng.integers(0, size, size // 2)
    return one[one != other], other[one != other]


@pytest.mark.parametrize("graph", [line, scattered])
@pytest.mark.parametrize("seed", range(4))
def test_roots_are_those_of_union_find(graph, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = graph(200, rng)
    later, earlier = np.maximum(one, other), np.minimum(one, other)
    forest = {
        "number": np.concatenate([later, earlier]),
        "root": np.concatenate([earlier, earlier]),
        "shingles": np.concatenate([later, earlier]) * 3,
    }
    with database() as connection:
        connection.from_arrow(pa.table(forest)).create("forest")
        find_roots(connection)
        found = connection.sql("SELECT * FROM members ORDER BY number").fetchnumpy()
    joined, members = UnionFind(200), np.union1d(one, other)
    joined.join(later, earlier)
    assert found["number"].tolist() == members.tolist()
    assert found["root"].tolist() == joined.labels(members).tolist()
    assert found["shingles"].tolist() == (members * 3).tolist()
