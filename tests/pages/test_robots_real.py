"""The robots.txt files of real sites, those of Protego's own tests."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
import zstandard

from pipeline.pages.robots import RobotsRules, parse_rules

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def texts(shared_data: Path) -> dict[str, str]:
    """{host: its robots.txt}"""
    with (shared_data / "robots.ndjson.zst").open("rb") as raw:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), "utf-8")
        rows = [json.loads(line) for line in lines]
    return {row["file"]: row["robots"] for row in rows}


@pytest.fixture(scope="module")
def rules(texts: dict[str, str]) -> dict[str, RobotsRules]:
    return {host: parse_rules(text.encode(), "webtext") for host, text in texts.items()}


def test_all_parse(rules: dict[str, RobotsRules]) -> None:
    assert len(rules) == 4_195
    assert all(found.summary == "parsed" for found in rules.values())


def test_delays_are_seconds(rules: dict[str, RobotsRules]) -> None:
    delays = [found.delay for found in rules.values()]
    assert all(math.isfinite(seconds) and seconds >= 0 for seconds in delays)
    assert any(seconds > 0 for seconds in delays)


def test_a_file_without_a_disallow_shuts_nobody_out(
    texts: dict[str, str], rules: dict[str, RobotsRules]
) -> None:
    open_hosts = [host for host, text in texts.items() if "disallow" not in text.lower()]
    assert len(open_hosts) > 100
    for host in open_hosts:
        assert rules[host].may_fetch(f"http://{host}/page"), host


def test_most_let_a_page_be_fetched_and_some_do_not(rules: dict[str, RobotsRules]) -> None:
    """A robots.txt is no bar to most: a parser that shut out half of them would be wrong."""
    may = sum(found.may_fetch(f"http://{host}/") for host, found in rules.items())
    assert 0.8 * len(rules) < may < len(rules)


def test_who_names_no_ai_agent_refuses_none(rules: dict[str, RobotsRules]) -> None:
    refusing = [host for host, found in rules.items() if found.ai_refusal(f"http://{host}/")]
    assert refusing
    assert all(rules[host].ai_agents for host in refusing)
    assert all(rules[host].may_fetch(f"http://{host}/") for host in refusing)
