"""`webtext runner check`: proves that a runner gives what one worker in this process gives."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.build.build import build
from pipeline.build.recipe import Recipe, read_recipe
from pipeline.conformance import GROUPS, Results, differences, run_group
from pipeline.engine.runners.open import open_runner
from pipeline.engine.runners.profiles import RunnerSettings
from pipeline.engine.runners.runner_kind import OpenRunner
from pipeline.sample import COMMENTS, PAGES, POSTS
from pipeline.store import files
from pipeline.store.corpus import STAGES
from pipeline.store.errors import SettingError, WebtextError

#: The group whose cases use Beam's own file sinks, which need a folder on a disk.
_SINKS = "sinks"
#: Half of the sample's pages: they have all that a stage meets.
_MIN_KARMA = "links.min_karma=30"


@dataclass(frozen=True)
class RunnerCheck:
    """What was compared: conformance cases, and the fingerprints of the sample by stage."""

    cases: int
    fingerprints: dict[str, str]


def check_runner(
    settings: RunnerSettings,
    at: str,
    options: Sequence[str] = (),
    *,
    without: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> RunnerCheck:
    """Preflight, conformance cases and the sample build on a runner, compared with FnApiRunner.

    `at` is an empty folder or address that this process and all workers reach; what was
    written there is removed again.  `without` names cases to leave out.  Raises WebtextError
    for the first thing that differs, or that keeps the runner from running at all.
    """
    if files.listed(at, "*"):
        raise SettingError(f"{at} is not empty", "Name a new folder: it is removed afterwards")
    _check_names(without)
    files.make_folder(at)
    try:
        with open_runner(settings, options, at) as runner:
            say(f"preflight: {runner.name} is ready and writes to {at}")
            cases = sum(check_group(group, runner, at, without) for group in _groups(at))
            say(f"conformance: {cases} cases as on FnApiRunner")
        if _SINKS not in _groups(at):
            say("conformance: cases of Beam's own file sinks left out (they need a plain folder)")
        return RunnerCheck(cases, _check_sample(settings, at, options, say))
    finally:
        files.remove(at)


def _check_names(without: Sequence[str]) -> None:
    known = {name for cases in GROUPS.values() for name in cases}
    for name in without:
        if name not in known:
            raise SettingError(
                f"--without {name}: no such case", f"One of: {', '.join(sorted(known))}"
            )


def _groups(at: str) -> list[str]:
    # Beam's own sinks take a path as a pattern.
    plain = not files.is_remote(at) and files.escape(at) == at
    return [group for group in GROUPS if group != _SINKS or plain]


def check_group(group: str, runner: OpenRunner, at: str, without: Sequence[str]) -> int:
    """Runs a group of cases here and there; the number of its cases.

    Raises WebtextError for outputs that differ.
    """
    cases = GROUPS[group].keys() - set(without)
    if not cases:
        return 0
    with tempfile.TemporaryDirectory() as here, open_runner(RunnerSettings(workers=1)) as local:
        expected = run_group(group, local, here, without)
    results = run_group(group, runner, files.join(at, "conformance", group), without)
    wrong = differences(results, expected)
    if wrong:
        raise WebtextError(
            f"{runner.name} differs in {len(wrong)} outputs of the cases on {group}: "
            f"{_first(wrong, results, expected)}",
            "Do not build on it; `--without CASE` leaves out what your pipelines do not use",
        )
    return len(cases)


def _first(wrong: dict[str, tuple[object, object]], actual: Results, expected: Results) -> str:
    name = next(iter(wrong))
    there, here = actual.get(name, []), expected.get(name, [])
    odd = sorted(set(there) ^ set(here))[:1]
    return f"{name} has {len(there)} elements, not {len(here)}" + (f" ({odd[0]})" if odd else "")


def _check_sample(
    settings: RunnerSettings, at: str, options: Sequence[str], say: Callable[[str], None]
) -> dict[str, str]:
    """Builds the sample from its archive here and there, and compares all fingerprints.

    They are returned, by stage.
    """
    for path in (POSTS, COMMENTS, PAGES):
        files.write_bytes(files.join(at, path.name), path.read_bytes())
    with tempfile.TemporaryDirectory() as here:
        expected = _sample(RunnerSettings(workers=1), here, str(POSTS.parent), ())
    fingerprints = _sample(settings, files.join(at, "sample"), at, options)
    for stage in STAGES:
        if fingerprints[stage] != expected[stage]:
            raise WebtextError(
                f"The sample's stage {stage} came out different: fingerprint "
                f"{fingerprints[stage][:16]}…, here {expected[stage][:16]}…",
                "Compare versions of all packages on the workers with constraints.txt",
            )
    say(f"sample build: all {len(STAGES)} fingerprints as with one worker here")
    return fingerprints


def _sample(
    settings: RunnerSettings, root: str, inputs: str, options: Sequence[str]
) -> dict[str, str]:
    """Builds the sample; {stage: fingerprint}."""
    posts, comments, pages = (
        files.join(inputs, Path(path).name) for path in (POSTS, COMMENTS, PAGES)
    )
    recipe: Recipe = read_recipe(
        "quickstart",
        [
            f'corpus.root="{root}"',
            f'links.sources=[{{kind="reddit-dump", posts="{posts}", comments="{comments}"}}]',
            _MIN_KARMA,
            'pages.source="warc"',
            f'pages.warc=["{pages}"]',
        ],
    ).model_copy(update={"runner": settings})
    outcomes = build(recipe, options=options, say=lambda line: None)
    return {outcome.stage: outcome.manifest.fingerprint for outcome in outcomes}
