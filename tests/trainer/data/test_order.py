from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.order import Order, order_key, permute, uniform


@settings(deadline=None)
@given(size=st.integers(1, 3000), key=st.integers(0, 2**64 - 1))
def test_is_a_permutation(size: int, key: int) -> None:
    assert sorted(permute(np.arange(size), size, key)) == list(range(size))


@settings(deadline=None, max_examples=50)
@given(
    size=st.integers(1, 1000),
    block=st.integers(1, 300),
    window=st.integers(1, 40),
    key=st.integers(0, 2**64 - 1),
)
def test_each_sample_once_an_epoch_and_from_the_blocks_of_its_window(
    size: int, block: int, window: int, key: int
) -> None:
    order = Order(size, key, block, window)
    places = order.places(np.arange(size))
    assert sorted(places) == list(range(size))
    taken: list[int] = []
    for number, first in enumerate(range(0, size, order.span)):
        blocks = order.blocks(number).tolist()
        assert set((places[first : first + order.span] // block).tolist()) == set(blocks)
        taken += blocks
    assert sorted(taken) == list(range(-(-size // block)))
    assert len(order.blocks(-(-size // order.span))) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 255, 256, 257, 4095, 4097, 65_537, 99_991])
def test_awkward_sizes(size: int) -> None:
    for block, window in ((7, 300), (64, 16), (size, 1), (size + 1, 2)):
        places = Order(size, order_key("a", size), block, window).places(np.arange(size))
        assert (np.bincount(places, minlength=size) == 1).all()


def test_a_position_does_not_depend_on_those_asked_with_it() -> None:
    order = Order(10_000, order_key("corpus", 1, 0), 64, 16)
    whole = order.places(np.arange(10_000))
    assert [int(order.places([i])[0]) for i in (0, 17, 9_999)] == whole[[0, 17, 9_999]].tolist()


def test_another_seed_epoch_or_corpus_is_another_order() -> None:
    keys = [order_key("a", 1, 0), order_key("a", 2, 0), order_key("a", 1, 1), order_key("b", 1, 0)]
    orders = {tuple(Order(100, key, 8, 4).places(np.arange(100))) for key in keys}
    assert len(orders) == 4


def test_neighbours_do_not_stay_together() -> None:
    order = permute(np.arange(100_000), 100_000, order_key("a", 1, 0))
    steps = np.abs(np.diff(order))
    assert 30_000 < steps.mean() < 37_000  # a third of the size, as of a random order
    assert abs(np.corrcoef(np.arange(100_000), order)[0, 1]) < 0.02


def test_within_a_window_neighbours_are_those_of_a_full_shuffle() -> None:
    order = Order(1_000_000, order_key("a", 1, 0), 1000, 100)
    places = order.places(np.arange(100_000))
    same = (np.diff(places // 1000) == 0).mean()
    assert 0.008 < same < 0.012  # one in a hundred blocks


def test_without_a_key_samples_stay_as_they_lie() -> None:
    order = Order(10, None, 3, 2)
    assert order.places(np.arange(10)).tolist() == list(range(10))
    assert order.blocks(1).tolist() == [2, 3]


def test_uniform_is_uniform_and_keyed() -> None:
    draws = uniform(np.arange(100_000), 7)
    assert draws.min() >= 0 and draws.max() < 1 and abs(draws.mean() - 0.5) < 0.005
    assert (draws[:5] == uniform(np.arange(5), 7)).all() and draws[0] != uniform([0], 8)[0]


def test_the_order_is_the_same_on_every_machine() -> None:
    assert permute(np.arange(8), 1000, 12345).tolist() == GOLDEN
    assert Order(1000, 12345, 10, 5).places(np.arange(8)).tolist() == GOLDEN_TWO_LEVELS


GOLDEN = [358, 720, 731, 528, 674, 579, 147, 723]
GOLDEN_TWO_LEVELS = [109, 494, 103, 485, 706, 490, 702, 493]
