"""Conditions of a form as SQL."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.browse.conditions import Condition, read_conditions
from pipeline.store.errors import SettingError

TYPES = {
    "words": "BIGINT",
    "share": "DOUBLE",
    "url": "VARCHAR",
    "kept": "BOOLEAN",
    'a"b': "VARCHAR",
}


@pytest.mark.parametrize(
    ("column", "operator", "value", "sql", "values"),
    [
        ("words", "at least", "1,000", '"words" >= ?', [1000.0]),
        ("share", "at most", "0.5", '"share" <= ?', [0.5]),
        ("url", "is", "1", '"url" = ?', ["1"]),
        ("url", "is not", "x", '"url" IS DISTINCT FROM ?', ["x"]),
        ("words", "contains", "5", 'contains(lower("words"::VARCHAR), lower(?))', ["5"]),
        ("kept", "is", "Yes", '"kept" = ?', [True]),
        ("url", "is empty", "ignored", "coalesce(\"url\"::VARCHAR, '') = ''", []),
        ('a"b', "is", "'; DROP TABLE pages", '"a""b" = ?', ["'; DROP TABLE pages"]),
    ],
)
def test_a_condition_is_sql_with_parameters(
    column: str, operator: str, value: str, sql: str, values: list[Any]
) -> None:
    assert Condition(column, operator, value).sql(TYPES) == (sql, values)


@pytest.mark.parametrize(
    ("column", "operator", "value", "words"),
    [
        ("nope", "is", "1", "No column 'nope'. One of: words"),
        ("words", "like", "1", "No comparison 'like'. One of: is"),
        ("words", "at least", "many", "words at least 'many'. Give a number"),
        ("kept", "is", "perhaps", "Give true or false"),
    ],
)
def test_what_cannot_be_is_said(column: str, operator: str, value: str, words: str) -> None:
    with pytest.raises(SettingError) as error:
        Condition(column, operator, value).sql(TYPES)
    assert words in str(error.value)


def test_rows_without_a_column_are_left_out() -> None:
    assert read_conditions(["", "url"], ["is", "is"], ["x", "y"]) == [Condition("url", "is", "y")]
    with pytest.raises(SettingError):
        read_conditions(["url"], [], ["y"])
