"""Both stages as they run: measured once, decided with reason, value and threshold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from quality_corpus import PROSE, Build, build, page, prose, recipe, run, table

from pipeline.engine.stage import Stage
from pipeline.quality.stage import CorpusStage, QualityStage
from pipeline.store.addresses import page_id
from pipeline.store.errors import SettingError, WebtextError

#: Another threshold, so that the corpus is decided again.
SHORTER = {"gopher": {"min_words": 40}}


def test_each_document_has_one_decision_with_its_reason(documents: Build, tmp_path: Path) -> None:
    listed = tmp_path / "takedown.txt"
    listed.write_text("# why\nhttp://www.a.org/wanted-gone\nb.org\nt3_zzzzz\n")
    exam = tmp_path / "exam.jsonl"
    question = "which of these three animals would be seen first by a sailor who wakes early at sea"
    exam.write_text(f'{{"question": "{question}", "answer": "gull"}}\n')
    job = documents(
        [
            page("https://a.org/good", prose(1), karma=7),
            page("https://a.org/copy", prose(1)),
            page("https://a.org/short", "Too short to be of use. Really. It is."),
            page("https://a.org/wanted-gone", prose(2)),
            page("https://a.org/print", prose(7)) | {"canonical": "http://a.org/wanted-gone?#x"},
            page("https://sub.b.org/x", prose(3)),
            page("https://c.org/x", prose(4), reddit_id="t3_zzzzz"),
            page("https://a.org/exam", f"{prose(5)} {question.upper()}?"),
            page("https://a.org/mail", f"{prose(6)} Write to jane.doe@example.org for more."),
        ],
        {"a.org/copy": "a.org/good"},
        {
            "takedown": {"path": str(listed)},
            "contamination": {"sets": [{"name": "exam", "path": str(exam)}]},
        },
    )
    decisions = build(job)

    def decided(key: str) -> tuple[Any, ...]:
        d = decisions[page_id(key)]
        return d["stage"], d["reason"], d["value"], d["threshold"], d["detail"]

    assert decided("a.org/good") == ("corpus", "", None, None, None)
    assert decided("a.org/copy") == ("dedup", "duplicate_near", None, None, None)
    assert decisions[page_id("a.org/copy")]["kept_id"] == page_id("a.org/good")
    assert decided("a.org/short") == ("quality", "gopher_min_words", 9.0, 50.0, None)
    assert decided("a.org/wanted-gone")[4] == "http://www.a.org/wanted-gone"
    assert decided("a.org/print")[4] == "http://www.a.org/wanted-gone"
    assert decided("sub.b.org/x") == ("corpus", "takedown", None, None, "b.org")
    assert decided("c.org/x")[4] == "t3_zzzzz"
    first_gram = " ".join(question.split()[:13])
    assert decided("a.org/exam")[1] == "contamination_max_ngrams"
    assert decided("a.org/exam")[4] == f"exam: {first_gram}"

    kept = table(job, "corpus")
    assert kept.keys() == {page_id("a.org/good"), page_id("a.org/mail")}
    assert kept[page_id("a.org/good")]["karma"] == 7
    assert "Write to <email> for more." in kept[page_id("a.org/mail")]["text"]
    manifest = job.corpus.require("corpus", job.interval)
    assert manifest.counts.seen == 9 and manifest.counts.kept == 2
    assert manifest.extra == {"pii_replaced": 1}


def test_a_threshold_changes_decisions_and_no_measurement(documents: Build) -> None:
    job = documents([page("https://a.org/1", prose(1)), page("https://a.org/2", PROSE)])
    build(job)
    measured = {path: Path(path).stat() for path in job.corpus.paths("quality", job.interval)}
    more = {"gopher": {"min_words": len(PROSE.split()) + 1}}
    strict = recipe(job.corpus.root, more).job()
    for stage in (QualityStage(), CorpusStage()):
        before = stage.draft(job).settings_hash
        assert stage.draft(strict).settings_hash != before
        run(stage, strict)
    assert all(Path(path).stat().st_mtime_ns == was.st_mtime_ns for path, was in measured.items())
    counts = strict.corpus.require("corpus", job.interval).counts
    assert (counts.kept, counts.dropped) == (1, {"gopher_min_words": 1})


def test_an_empty_result_is_refused_with_the_reasons(documents: Build) -> None:
    job = documents([page("https://a.org/1", "Short. Very. So."), page("https://a.org/2", "No.")])
    with pytest.raises(Exception, match="keeps none of 2 documents: 2 gopher_min_words"):
        run(QualityStage(), job)
    assert job.corpus.manifest("quality", job.interval) is None


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        ({"gopher": {"min_word": 3}}, "unknown key quality.gopher.min_word.*Did you mean"),
        ({"gopher": {"min_words": True}}, "no threshold"),
        ({"rules": {"order": ["gofer"]}}, "names no rule 'gofer'. Did you mean gopher"),
        ({"classifier": {"min_pareto": 0}}, "needs a model"),
        ({"pii": {"replace": ["names"]}}, "pii.replace"),
    ],
)
def test_wrong_settings_name_key_and_remedy(quality: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        recipe("/nowhere", quality)


@pytest.mark.parametrize(
    ("stage", "prefix", "reader", "change"),
    [
        ("documents", "part-", QualityStage(), SHORTER),
        ("quality", "verdicts-", CorpusStage(), {"pii": {"replace": []}}),
        ("quality", "cuts-", CorpusStage(), {"pii": {"replace": []}}),
    ],
)
def test_a_cut_table_is_named(
    documents: Build, stage: str, prefix: str, reader: Stage, change: dict[str, Any]
) -> None:
    job = documents([page(f"https://a.org/{i}", prose(i)) for i in range(4)])
    build(job)
    path = Path(job.corpus.paths(stage, job.interval, prefix)[0])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WebtextError, match=rf"{path.name} is cut or damaged: .*Delete it"):
        run(reader, recipe(job.corpus.root, change).job())


@pytest.mark.parametrize("setting", ["takedown", "classifier", "perplexity"])
def test_a_missing_file_is_named(documents: Build, setting: str) -> None:
    key = "path" if setting == "takedown" else "model"
    job = documents([page("https://a.org/1", PROSE)], None, {setting: {key: "/no/such"}})
    with pytest.raises(WebtextError, match="/no/such does not exist"):
        build(job)
