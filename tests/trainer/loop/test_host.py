"""The memory of a run on a CPU."""

from __future__ import annotations

import ctypes
import resource
from itertools import pairwise
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from support import in_new_process

from trainer.loop.host import memory_kept

CPU, GPU = torch.device("cpu"), torch.device("cuda")
NUMBERS = 16 << 20  # 64 MB: more than glibc ever takes from its heap unasked
#: The first may leave a rest of a few bytes each behind them, of which glibc keeps seven apart, so
#: that none fits into the place of the one before.
TENSORS = 24
PAGES = 4 * NUMBERS // resource.getpagesize()


def fewest_new_pages(tensors: int) -> int:
    """Pages that the kernel hands out for one of some tensors of a size, each freed at once."""
    counts = [resource.getrusage(resource.RUSAGE_SELF).ru_minflt]
    for _ in range(tensors):
        torch.empty(NUMBERS).fill_(1.0)
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    return min(after - before for before, after in pairwise(counts))


def resident_pages() -> int:
    """Pages of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1])


def new_pages_and_given_back(device: torch.device) -> tuple[int, int]:
    """The fewest new pages for a tensor while memory is kept, and the pages given back then."""
    with memory_kept(device):
        new, kept = fewest_new_pages(TENSORS), resident_pages()
    return new, kept - resident_pages()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="glibc alone has mallopt")
def test_memory_is_kept_for_the_next_step_and_given_back_at_the_end() -> None:
    # After a request that could not be met, glibc serves a thread from elsewhere than its heap.
    new, given_back = in_new_process(new_pages_and_given_back, CPU)
    assert new < PAGES // 10
    assert given_back > PAGES // 2


def test_on_a_gpu_the_memory_of_the_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    libc = Mock()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: libc)
    with memory_kept(GPU):
        assert not libc.mallopt.called
    assert not libc.malloc_trim.called
    with memory_kept(CPU):
        assert libc.mallopt.called
