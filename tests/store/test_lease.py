"""The lease of a corpus: who has it, who waits, who takes it, and who finds that it is lost."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest

from pipeline.store import files
from pipeline.store.errors import WebtextError
from pipeline.store.lease import FOLDER, Lease, leased
from pipeline.store.lock import locked

#: Long enough for the renewals of a busy machine's thread, short enough to wait for.
SHORT = 2.0


@pytest.fixture
def root() -> str:
    """A corpus of its own in the store of this process."""
    return f"memory://{uuid.uuid4().hex}/corpus"


def test_of_many_who_want_a_free_lease_one_gets_it(tmp_path: Path) -> None:
    """On a disk, since the store of this process is not made for threads."""
    root, ready, refused = str(tmp_path), threading.Barrier(8), threading.Semaphore(0)
    taken: list[str] = []

    def want() -> None:
        ready.wait()
        try:
            with leased(root, SHORT) as lease:
                taken.append(lease.holder)
                for _ in range(7):  # holds it until all others were refused
                    refused.acquire(timeout=60)
        except WebtextError:
            refused.release()

    wanting = [threading.Thread(target=want) for _ in range(8)]
    for thread in wanting:
        thread.start()
    for thread in wanting:
        thread.join()
    assert len(taken) == 1


def test_a_second_build_is_refused_while_the_first_is_alive(root: str) -> None:
    lines: list[str] = []
    with (
        leased(root, SHORT) as lease,
        pytest.raises(WebtextError) as refused,
        leased(root, SHORT, say=lines.append),
    ):
        raise AssertionError("both have it")
    assert lease.holder in str(refused.value)
    assert [lease.holder in line for line in lines] == [True]


def test_a_lease_given_back_is_free_at_once(root: str) -> None:
    lines: list[str] = []
    for _ in range(2):
        with leased(root, say=lines.append):
            pass
    assert lines == []


def test_a_lease_left_behind_ends_by_itself(root: str) -> None:
    Lease(root, "a build that was killed", SHORT).take()
    with leased(root) as lease:  # the one left behind says how long it lasts
        lease.confirm()
        (term,) = files.listed(files.join(root, FOLDER), "*")
        assert lease.holder.encode() in files.read_bytes(term)


def test_who_was_away_finds_that_it_is_lost(root: str) -> None:
    away = Lease(root, "a build that was stopped", SHORT)
    away.take()
    with leased(root):
        with pytest.raises(WebtextError, match="lost"):
            away.confirm()
        away.give_back()  # of another's lease: nothing
    with pytest.raises(WebtextError, match="lost"):
        away.confirm()


def test_those_who_share_have_it_together(root: str) -> None:
    with (
        leased(root, SHORT, shared="crawls") as one,
        leased(root, SHORT, shared="crawls") as other,
    ):
        one.confirm()
        other.confirm()
        with pytest.raises(WebtextError, match="crawls"), leased(root, SHORT):
            raise AssertionError("somebody else has it")
    with leased(root):  # nobody renews it now
        pass


def test_who_comes_with_a_number_of_long_ago_does_not_get_it(root: str) -> None:
    with leased(root) as lease:
        lease.confirm()  # the first term is gone by now
        late = Lease(root, "a slow one")
        assert not late._make(0)
        lease.confirm()


def test_terms_do_not_pile_up(root: str) -> None:
    with leased(root) as lease:
        for _ in range(5):
            lease.confirm()
    assert len(files.listed(files.join(root, FOLDER), "*")) == 1


def test_a_term_that_cannot_be_read_is_named(root: str) -> None:
    files.write_bytes(files.join(root, FOLDER, "00000003.json"), b"{")
    with pytest.raises(WebtextError, match=r"00000003.json is no term"), leased(root):
        raise AssertionError("it was taken")


def test_a_folder_is_locked_without_a_lease(tmp_path: Path) -> None:
    with locked(str(tmp_path)) as lease:
        assert lease is None
        with pytest.raises(WebtextError, match="Another build"), locked(str(tmp_path)):
            raise AssertionError("both have it")
