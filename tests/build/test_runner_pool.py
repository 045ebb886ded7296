"""Which runners a build opens, when, and that all of them end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.build.runner_pool import RunnerPool
from pipeline.engine.runners import open as opening
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.stage import Effort
from pipeline.store.errors import WebtextError

SMALL, LARGE = Effort(0.5, 100), Effort(1000.0, 100)
#: Worth workers that are there, not worth a start.
MIDDLE = Effort(3.0, 100)


class Openings:
    """In the place of `open_runner`: writes down what is opened, by which thread, and ended."""

    def __init__(self, fails: bool = False) -> None:
        self.opened: list[str] = []
        self.ended: list[str] = []
        self.threads: set[str] = set()
        self._fails = fails

    @contextmanager
    def __call__(self, settings: RunnerSettings, *_: object) -> Iterator[str]:
        self.opened.append(settings.name)
        self.threads.add(threading.current_thread().name)
        if self._fails:
            raise WebtextError("no workers", "Start them")
        yield settings.name
        self.ended.append(settings.name)


def pool_of(openings: Openings, monkeypatch: pytest.MonkeyPatch) -> RunnerPool:
    monkeypatch.setattr(opening, "open_runner", openings)
    return RunnerPool(RunnerSettings(workers=2), (), "root")


def test_each_runner_is_opened_once_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    openings = Openings()
    with pool_of(openings, monkeypatch) as pool:
        got = [pool.runner_for(effort) for effort in (SMALL, MIDDLE, LARGE, MIDDLE, SMALL)]
    assert got == [("local", 1), ("local", 1), ("dask", 2), ("dask", 2), ("local", 1)]
    assert openings.opened == ["local", "dask"]
    assert sorted(openings.ended) == ["dask", "local"]


def test_nothing_is_opened_without_need(monkeypatch: pytest.MonkeyPatch) -> None:
    openings = Openings()
    with pool_of(openings, monkeypatch) as pool:
        pool.expect(SMALL)
    assert openings.opened == []


def test_workers_that_are_expected_start_beside_the_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    openings = Openings()
    with pool_of(openings, monkeypatch) as pool:
        pool.expect(LARGE)
        pool.expect(LARGE)
        assert pool.runner_for(MIDDLE) == ("dask", 2)
    assert openings.opened == openings.ended == ["dask"]
    assert threading.main_thread().name not in openings.threads


def test_workers_that_do_not_start_are_an_error_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    openings = Openings(fails=True)
    with pool_of(openings, monkeypatch) as pool:
        pool.expect(LARGE)
    with pool_of(openings, monkeypatch) as pool:
        pool.expect(LARGE)
        with pytest.raises(WebtextError, match="no workers"):
            pool.runner_for(LARGE)
