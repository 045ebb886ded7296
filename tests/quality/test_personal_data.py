"""Personal data on made-up texts that `benchmarks/personal_data.py` knows the truth of."""

from __future__ import annotations

from support import PROJECT

from benchmarks.personal_data import EMPTY, HOLDING, measure
from pipeline.quality.pii import MARKS, is_account, is_social_security


def test_precision_and_recall_are_those_of_the_docs() -> None:
    docs = (PROJECT / "docs" / "quality.md").read_text(encoding="utf-8")
    found = measure()
    assert found.keys() == HOLDING.keys() == MARKS.keys() and len(EMPTY) > 40
    for kind, (count, precision, recall) in found.items():
        assert f"| {kind} | {count} | {precision:.3f} | {recall:.3f} |" in docs
        assert precision == 1


def test_check_digits_of_accounts() -> None:
    account = "DE89 3704 0044 0532 0130 00"
    assert is_account(account) and is_account(account.replace(" ", "-"))
    # Any one digit that is another one is noticed: so is what ISO 7064 promises.
    for place, sign in enumerate(account):
        for digit in "0123456789" if sign.isdigit() else "":
            changed = account[:place] + digit + account[place + 1 :]
            assert is_account(changed) is (digit == sign)


def test_numbers_that_were_never_given_out() -> None:
    never = ("000-12-3456", "666-12-3456", "900-12-3456", "536-00-1234", "536-12-0000")
    assert not any(map(is_social_security, (*never, "078-05-1120", "219-09-9999")))
    assert all(map(is_social_security, ("001-01-0001", "899-99-9999", "536 12 3456")))
