"""What a run of the pages stage fetches again of what runs before it left.

A run of the same settings and links is there for what was deferred, for passing faults whose
time has come, and for the outcomes that `--retry` names; it fetches nothing else.  When a
setting changes, links that ended as they did because of it are fetched again; when links join,
those that may fare better by now.  What a table holds of other links stays as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.pages.outcomes import TRANSIENT, Outcome, is_passing
from pipeline.pages.settings import PagesSettings
from pipeline.store.addresses import host_of, without_port
from pipeline.store.blocklist import AddressRules
from pipeline.store.errors import SettingError
from pipeline.store.manifest import Manifest
from pipeline.store.parts import part_key, unit_key

_NAME = ("user_agent",)
#: The settings by which a link can have ended so.  `ok` is not among them: a page that is
#: archived stays, and what other outcomes say, no setting changes.
CUT_BY: dict[Outcome, tuple[str, ...]] = {
    Outcome.TOO_LARGE: ("max_bytes",),
    Outcome.CONTENT_TYPE: ("content_types",),
    Outcome.REDIRECT_LOOP: ("max_redirects",),
    Outcome.TIMEOUT: ("timeout", "attempts"),
    Outcome.ROBOTS_UNAVAILABLE: ("timeout", "attempts"),
    Outcome.CONNECTION: ("attempts",),
    Outcome.DNS: ("attempts",),
    Outcome.HTTP_ERROR: ("attempts",),
    Outcome.HOST_FAILED: ("host_failures", "timeout", "attempts"),
    Outcome.CRAWL_DELAY: ("max_delay", *_NAME),
    Outcome.AI_AGENTS: ("respect_ai_opt_out", *_NAME),
    Outcome.ROBOTS: _NAME,
    Outcome.CONTENT_USAGE: _NAME,
    Outcome.CONTENT_SIGNAL: _NAME,
    Outcome.NOAI: _NAME,
    Outcome.NOML: _NAME,
    Outcome.NOINDEX: _NAME,
    Outcome.NOARCHIVE: _NAME,
}
#: The input by which the address rules of the links stage are known.
RULES = "link_rules"
#: The number in a manifest that counts links which wait to be asked for again.
WAITING = "waiting"
_ROUNDS = "rounds"
#: How long the build was to be patient, so that its manifest alone says when links are due.
_BUILDS, _SECONDS = "retry_builds", "retry_seconds"
_GROWTH = 4  # each delay of a passing fault is so many times the one before


@dataclass(frozen=True)
class Patience:
    """When passing faults are asked for again, and how often."""

    builds: int = 0
    hours: float = 1.0
    #: Seconds since 1970 at which it is asked what is due; fixed for a run.
    now: float = 0.0

    @classmethod
    def told_by(cls, manifest: Manifest, now: float) -> Patience:
        """The patience of the build that left a manifest."""
        builds, seconds = manifest.extra.get(_BUILDS, 0), manifest.extra.get(_SECONDS, 3_600)
        return cls(builds, seconds / 3_600, now)

    def numbers(self) -> dict[str, int]:
        """What `told_by` reads."""
        return {_BUILDS: self.builds, _SECONDS: round(self.hours * 3_600)}

    def waits(self, row: Mapping[str, Any]) -> bool:
        """Whether a link of a fetch table will be asked for again, now or later."""
        passing = is_passing(Outcome(row["outcome"]), row["status"])
        return passing and builds_of(row) <= self.builds and bool(row["fetched_at"])

    def due_at(self, row: Mapping[str, Any]) -> float:
        """When a link that waits is due, in seconds since 1970."""
        hours = self.hours * float(_GROWTH ** (builds_of(row) - 1))
        return float(row["fetched_at"]) + hours * 3_600

    def is_due(self, row: Mapping[str, Any]) -> bool:
        """Whether a link is to be asked for again now."""
        return self.waits(row) and self.due_at(row) <= self.now


NO_PATIENCE = Patience()


def patience_of(settings: PagesSettings, now: float | None = None) -> Patience:
    """The patience that a recipe sets, at this moment."""
    return Patience(
        settings.retry_builds, settings.retry_hours, time.time() if now is None else now
    )


def builds_of(row: Mapping[str, Any]) -> int:
    """How many builds have asked for a link; tables from before there was the column: one."""
    return int(row.get("builds") or 1)


def outcomes_named(names: Iterable[str]) -> frozenset[Outcome]:
    """The outcomes that `--retry` names; raises SettingError for one that is none."""
    kept = (Outcome.OK, Outcome.SEEN_BEFORE)
    passing = {outcome.value: outcome for outcome in Outcome if outcome not in kept}
    unknown = [name for name in names if name not in passing]
    if unknown:
        raise SettingError(
            f"--retry {unknown[0]}: no outcome of a link that could be another",
            f"One of: {', '.join(passing)}",
        )
    return frozenset(passing[name] for name in names)


@dataclass(frozen=True)
class Rerun:
    """Which links of an earlier build are fetched again; by default all of which it is not known
    under what settings they ended."""

    #: The key of the work that made the tables of the build before; others are of killed runs.
    before: str = ""
    #: Outcomes that another build may better.
    outcomes: frozenset[Outcome] = frozenset()
    #: Outcomes that `--retry` names.
    named: frozenset[Outcome] = frozenset()
    patience: Patience = NO_PATIENCE
    #: The rules for addresses, where they have changed since.
    rules: AddressRules | None = None
    #: Whether the run is there for what was left over alone.
    only_left_over: bool = False

    def chooser(self, table: str) -> Callable[[Mapping[str, Any]], bool]:
        """Which rows of a fetch table are fetched again."""
        ours = self.before and part_key(table) == self.before
        outcomes = self.outcomes if ours else frozenset({*TRANSIENT, *CUT_BY})

        def chosen(row: Mapping[str, Any]) -> bool:
            outcome = row["outcome"]
            return (
                outcome in outcomes
                or outcome in self.named
                or self.patience.is_due(row)
                or self._is_blocked(row["final_url"])
            )

        return chosen

    def _is_blocked(self, url: str) -> bool:
        if self.rules is None:
            return False
        return self.rules.reason_to_drop(url, without_port(host_of(url))) is not None


FIRST_RUN = Rerun()


def rounds(manifest: Manifest) -> int:
    """How many runs a build has had for the same links and settings."""
    return manifest.extra.get(_ROUNDS, 1)


def key_of(manifest: Manifest) -> str:
    """The key of all work of a run: settings, code, inputs, and which round of them it is."""
    later = [rounds(manifest)] if rounds(manifest) > 1 else []
    return unit_key(manifest, *later)


def plan_rerun(
    before: Manifest | None,
    draft: Manifest,
    *,
    rules: AddressRules,
    patience: Patience,
    named: frozenset[Outcome] = frozenset(),
) -> tuple[Rerun, Manifest]:
    """What the run of a draft fetches again, and the draft with its round and its patience."""
    draft = draft.model_copy(update={"extra": draft.extra | patience.numbers()})
    if before is None:
        return FIRST_RUN, draft
    cut = {
        outcome
        for outcome, names in CUT_BY.items()
        if any(before.settings.get(name) != draft.settings.get(name) for name in names)
    }
    same_rules = before.inputs.get(RULES) == draft.inputs.get(RULES)
    same_work = (before.inputs, before.code_version) == (draft.inputs, draft.code_version)
    outcomes = {Outcome.DEFERRED} | cut if same_work else TRANSIENT | cut
    if not same_rules:
        outcomes |= {Outcome.OFF_LIMITS}
    same = same_work and before.settings_hash == draft.settings_hash
    if same:
        draft = draft.model_copy(update={"extra": draft.extra | {_ROUNDS: rounds(before) + 1}})
    rerun = Rerun(
        key_of(before),
        frozenset(outcomes),
        named,
        patience,
        None if same_rules else rules,
        only_left_over=same,
    )
    return rerun, draft


def terms(settings: PagesSettings, key: str) -> Callable[[str], str]:
    """What an outcome hangs on besides the page: a journal's line holds while this is the same.

    A journal outlives settings and rounds: it is what a killed run leaves behind.
    """
    values = settings.identity()

    def of(outcome: str) -> str:
        kind = Outcome(outcome)
        names = CUT_BY.get(kind, ())
        said = [f"{name}={values[name]}" for name in names]
        return " ".join([key, *said] if kind in TRANSIENT else said)

    return of
