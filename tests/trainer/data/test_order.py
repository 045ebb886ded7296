from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.order import order_key, permute


@given(size=st.integers(1, 3000), key=st.integers(0, 2**64 - 1))
def test_is_a_permutation(size: int, key: int) -> None:
    assert sorted(permute(np.arange(size), size, key)) == list(range(size))


def test_a_position_does_not_depend_on_those_asked_with_it() -> None:
    key = order_key("corpus", 1, 0)
    whole = permute(np.arange(10_000), 10_000, key)
    assert [int(permute([i], 10_000, key)[0]) for i in (0, 17, 9_999)] == whole[
        [0, 17, 9_999]
    ].tolist()


def test_another_seed_epoch_or_corpus_is_another_order() -> None:
    keys = [order_key("a", 1, 0), order_key("a", 2, 0), order_key("a", 1, 1), order_key("b", 1, 0)]
    orders = {tuple(permute(np.arange(100), 100, key)) for key in keys}
    assert len(orders) == 4


def test_neighbours_do_not_stay_together() -> None:
    order = permute(np.arange(100_000), 100_000, order_key("a", 1, 0))
    steps = np.abs(np.diff(order))
    assert 30_000 < steps.mean() < 37_000  # a third of the size, as of a random order
    assert abs(np.corrcoef(np.arange(100_000), order)[0, 1]) < 0.02


def test_the_order_is_the_same_on_every_machine() -> None:
    assert permute(np.arange(8), 1000, 12345).tolist() == GOLDEN


GOLDEN = [358, 720, 731, 528, 674, 579, 147, 723]
