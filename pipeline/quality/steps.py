"""Quality measures every document once and judges it; corpus writes what is accepted.

documents, links -> lines that repeat across a host -> cuts and measurements -> verdicts
documents, verdicts, cuts, duplicates -> corpus and decisions
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from pipeline.engine.stage import Job
from pipeline.engine.stage_steps import Ending, StageSteps
from pipeline.engine.steps import Reports, Step, all_of
from pipeline.quality import lines
from pipeline.quality.accept import AcceptUnit, accept_part
from pipeline.quality.join import DOCUMENTS_A_UNIT, JoinUnit, join
from pipeline.quality.lines import LinesUnit, RepeatedUnit, find_lines, plan_repeated, sample_lines
from pipeline.quality.measure import MEASURES
from pipeline.quality.passages import PassageRules
from pipeline.quality.results import something_kept, with_warning
from pipeline.quality.scorers.identity import scorer_key, scorer_keys
from pipeline.quality.scorers.score_part import try_scorers
from pipeline.quality.settings import TAKEDOWN, QualitySettings
from pipeline.quality.tables import MeasureUnit, cuts_name, measure_part
from pipeline.quality.verdicts import VerdictUnit, WrittenLimits, give_verdicts
from pipeline.store import files
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import WORK, Manifest, table_of
from pipeline.store.parts import Part, batches_of, is_result, part_name, work_key
from pipeline.store.takedown import read_takedown


@dataclass(frozen=True)
class _Documents:
    """The parts of an interval's documents, with the rows of each."""

    paths: tuple[str, ...]
    rows: tuple[int, ...]

    @classmethod
    def of(cls, corpus: Corpus, interval: str) -> _Documents:
        entries = corpus.require("documents", interval).tables("part-")
        paths = corpus.paths("documents", interval)
        return cls(tuple(paths), tuple(entry.rows for entry in entries))

    def names(self, prefix: str = "part") -> list[str]:
        """A name for each part, of its number."""
        return [part_name(i, len(self.paths), prefix) for i in range(len(self.paths))]


def sample_or_join(unit: LinesUnit | JoinUnit) -> list[Part]:
    """The units of the first step are of two kinds."""
    return sample_lines(unit) if isinstance(unit, LinesUnit) else join(unit)


class Quality:
    """From documents and links to measurements and verdicts."""

    def __init__(self, job: Job, folder: str, draft: Manifest) -> None:
        corpus, settings = job.corpus, job.section(QualitySettings)
        self._folder, self._draft = folder, draft
        self._documents = _Documents.of(corpus, job.interval)
        self._links = tuple(corpus.paths("links", job.interval))
        self._settings, self._takedown = settings, read_takedown(settings.takedown)
        self._written = _written_limits(corpus, job.interval)
        inputs = draft.inputs
        self._read_key = work_key(draft.code_version, inputs["documents"])
        measured = {
            name: fingerprint
            for name, fingerprint in inputs.items()
            if name not in ("links", TAKEDOWN)
        }
        self._measure_key = work_key(
            draft.code_version, settings.measured().digest(), sorted(measured.items())
        )
        self._scorer_keys = {
            name: scorer_key(one, inputs[f"scorer {name}"])
            for name, one in settings.scorers.items()
        }
        try_scorers(settings.scorers, settings.ensembles, self._scorer_keys)

    def plan(self) -> StageSteps:
        """Text is read in the first and the third step."""
        steps = (
            Step("Read", self._plan_read, sample_or_join),
            Step("Lines", self._plan_lines, find_lines),
            Step("Measure", self._plan_measure, measure_part),
            Step("Judge", self._plan_verdicts, give_verdicts),
        )
        results = partial(filter, is_result)
        return StageSteps(steps, Ending(self._folder, self._draft, results, with_warning))

    def _plan_read(self, _parts: Reports) -> list[LinesUnit | JoinUnit]:
        return [*self._line_units(), *self._joins()]

    def _line_units(self) -> list[LinesUnit]:
        settings = self._settings.host_lines
        if not settings.enabled:
            return []
        key = work_key(self._read_key, settings.words, settings.characters)
        rows = self._documents.rows
        return [
            LinesUnit(
                self._documents.paths[some],
                f"{WORK}/{part_name(some.start, len(self._documents.paths), 'lines')}",
                self._folder,
                work_key(key, *self._documents.names()[some]),
                settings,
            )
            for some in batches_of(rows, lines.documents_a_unit(sum(rows)))
        ]

    def _joins(self) -> list[JoinUnit]:
        """One unit for as many parts as memory bears."""
        names, mentions = self._documents.names("links"), bool(self._takedown.reddit)
        return [
            JoinUnit(
                documents=self._documents.paths[some],
                joined=tuple(f"{WORK}/{name}" for name in names[some]),
                links=self._links,
                folder=self._folder,
                key=work_key(self._read_key, self._draft.inputs["links"], mentions),
                mentions=mentions,
            )
            for some in batches_of(self._documents.rows, DOCUMENTS_A_UNIT)
        ]

    def _plan_lines(self, parts: Reports) -> list[RepeatedUnit]:
        settings = self._settings.host_lines
        if not settings.enabled:
            return []
        key = work_key(self._read_key, settings.digest())
        return plan_repeated(parts, self._folder, key, settings)

    def _plan_measure(self, parts: Reports) -> list[MeasureUnit]:
        names = sorted(
            part.file.name
            for part in parts
            if part.file and table_of(part.file.name) == "hostlines"
        )
        return [
            MeasureUnit(
                documents=path,
                host_lines=tuple(files.join(self._folder, name) for name in names),
                name=name,
                folder=self._folder,
                key=work_key(self._measure_key, name),
                settings=self._settings.measured(),
                texts=work_key(self._read_key, self._settings.host_lines.digest(), name),
                scorers=self._scorer_keys,
            )
            for name, path in zip(self._documents.names(), self._documents.paths, strict=True)
        ]

    def _plan_verdicts(self, _parts: Reports) -> list[VerdictUnit]:
        inputs = self._draft.inputs
        key = work_key(self._measure_key, inputs["links"], inputs.get(TAKEDOWN))
        key = work_key(key, self._settings.digest())
        documents = self._documents
        return [
            VerdictUnit(
                documents=path,
                measurements=files.join(self._folder, name),
                joined=f"{WORK}/{links}",
                name=verdicts,
                folder=self._folder,
                key=work_key(key, self._written, verdicts),
                written=self._written,
                settings=self._settings,
                takedown=self._takedown,
            )
            for path, name, links, verdicts in zip(
                documents.paths,
                documents.names(),
                documents.names("links"),
                documents.names("_verdicts"),
                strict=True,
            )
        ]


def _written_limits(corpus: Corpus, interval: str) -> WrittenLimits:
    """What the documents stage asked of the interval's texts."""
    settings = corpus.require("documents", interval).settings
    return WrittenLimits(
        min_words=settings.get("min_words", 0),
        languages=tuple(settings.get("languages", ())),
        min_language_score=settings.get("min_language_score", 0.0),
    )


def _passage_rules(job: Job) -> PassageRules:
    """What pages must meet without their passages, for a table that is not named yet."""
    settings = job.section(QualitySettings)
    written = _written_limits(job.corpus, job.interval)
    return PassageRules("", written, settings, scorer_keys(settings.scorers))


def plan_corpus(job: Job, folder: str, draft: Manifest) -> StageSteps:
    """Parts of documents decided on one by one, each independent of the others."""
    each = Step("Each", partial(all_of, _accept_units(job, folder, draft)), accept_part)
    return StageSteps((each,), Ending(folder, draft, check=something_kept))


def _accept_units(job: Job, folder: str, draft: Manifest) -> list[AcceptUnit]:
    """One unit a part of documents: the tables beside it have its number."""
    corpus, interval = job.corpus, job.interval
    measures = job.section(QualitySettings).measures().items()
    editing = tuple((name, limits) for name, limits in measures if MEASURES.get(name).edits)
    passages = corpus.paths("dedup", interval, "passages-")
    # What a page must meet without its passages matters only where some are taken.
    rules = _passage_rules(job) if passages else None
    key = work_key(draft.code_version, sorted(draft.inputs.items()), *editing)
    key = work_key(key, rules.key()) if rules else key
    documents = _Documents.of(corpus, interval)
    quality, dedup = (corpus.folder(stage, interval) for stage in ("quality", "dedup"))
    return [
        AcceptUnit(
            documents=path,
            verdicts=files.join(quality, verdicts),
            duplicates=files.join(dedup, name),
            cuts=(files.join(quality, cuts_name(name)),),
            name=name,
            folder=folder,
            key=work_key(key, name),
            editing=editing,
            passages=replace(rules, passages=found) if rules else None,
        )
        for path, name, verdicts, found in zip(
            documents.paths,
            documents.names(),
            documents.names("_verdicts"),
            passages or [""] * len(documents.paths),
            strict=True,
        )
    ]
