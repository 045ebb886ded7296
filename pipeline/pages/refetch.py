"""What a run of the pages stage fetches again of what runs before it left.

A run of the same settings and links is there for what was deferred, and fetches nothing
else.  When a setting changes, links that ended as they did because of it are fetched
again; when links join, those that may fare better by now.  What a table says of
other links stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.pages.outcomes import TRANSIENT, Outcome
from pipeline.pages.settings import PagesSettings
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
    Outcome.HTTP_ERROR: ("attempts",),
    Outcome.HOST_FAILED: ("host_failures", "timeout", "attempts"),
    Outcome.CRAWL_DELAY: ("max_delay", *_NAME),
    Outcome.AI_AGENTS: ("respect_ai_opt_out",),
    Outcome.ROBOTS: _NAME,
    Outcome.NOAI: _NAME,
    Outcome.NOML: _NAME,
    Outcome.NOINDEX: _NAME,
    Outcome.NOARCHIVE: _NAME,
}
_ROUNDS = "rounds"


@dataclass(frozen=True)
class Rerun:
    """Which outcomes are fetched again; by default all of which it is not known under what
    settings they came about."""

    #: The key of the work that made the tables of the build before; others are of killed runs.
    before: str = ""
    again: frozenset[Outcome] = frozenset()
    #: Whether the run is there for what was deferred alone.
    only_deferred: bool = False

    def again_of(self, table: str) -> frozenset[Outcome]:
        """The outcomes in a fetch table that are fetched again."""
        if self.before and part_key(table) == self.before:
            return self.again
        return frozenset({*TRANSIENT, *CUT_BY})


FIRST_RUN = Rerun()


def rounds(manifest: Manifest) -> int:
    """How many runs a build has had for the same links and settings."""
    return manifest.extra.get(_ROUNDS, 1)


def key_of(manifest: Manifest) -> str:
    """The key of all work of a run: settings, code, inputs, and which round of them it is."""
    later = [rounds(manifest)] if rounds(manifest) > 1 else []
    return unit_key(manifest, *later)


def plan_rerun(before: Manifest | None, draft: Manifest) -> tuple[Rerun, Manifest]:
    """What the run of a draft fetches again, and the draft with its round."""
    if before is None:
        return FIRST_RUN, draft
    cut = {
        outcome
        for outcome, names in CUT_BY.items()
        if any(before.settings.get(name) != draft.settings.get(name) for name in names)
    }
    same_work = (before.inputs, before.code_version) == (draft.inputs, draft.code_version)
    again = {Outcome.DEFERRED} | cut if same_work else TRANSIENT | cut
    same = same_work and before.settings_hash == draft.settings_hash
    if same:
        draft = draft.model_copy(update={"extra": draft.extra | {_ROUNDS: rounds(before) + 1}})
    return Rerun(key_of(before), frozenset(again), only_deferred=same), draft


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
