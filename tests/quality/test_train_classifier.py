"""Training of the classifier: which pages are good, and how well it tells them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from quality_corpus import PROSE, Build, build, page, prose, recipe
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.engine.stage import Job
from pipeline.quality.held_out import auc, held_out, wilson
from pipeline.quality.settings import QualitySettings
from pipeline.quality.train import texts_of, train_classifier
from pipeline.store.errors import SettingError

SPAM = "Buy cheap pills now, best offer to win the casino bonus and have more of it."


def spam(number: int) -> str:
    return f"{SPAM} {number} " * 4


def good_and_spam(documents: Build, count: int) -> Job:
    good = [page(f"https://a.org/{i}", prose(i), karma=50) for i in range(count)]
    return documents([*good, *(page(f"https://b.org/{i}", spam(i), karma=3) for i in range(count))])


def test_a_trained_classifier_decides(documents: Build, tmp_path: Path) -> None:
    job, model = good_and_spam(documents, 400), str(tmp_path / "model.npz")
    report = train_classifier(job.corpus, job.interval, model, min_karma=10)
    assert report.held_out is not None
    assert report.held_out.precision.value == report.held_out.recall.value == 1.0
    assert report.held_out.auc.value == 1.0
    assert 0.85 < report.held_out.recall.low < 1.0
    assert report.good + report.held_out_good == report.others + report.held_out_others == 400
    assert "precision 1.000 (0.9" in report.render()
    first = Path(model).read_bytes()
    train_classifier(job.corpus, job.interval, model, min_karma=10)
    assert Path(model).read_bytes() == first

    off = {"repetition": dict.fromkeys(job.section(QualitySettings).repetition.limits(), False)}
    off |= {"c4": {"min_tfds_sentences": False}}
    strict = recipe(job.corpus.root, off | {"classifier": {"model": model, "min_score": 0.5}})
    build(strict.job())
    counts = job.corpus.require("corpus", job.interval).counts
    assert (counts.kept, counts.dropped) == (400, {"classifier_min_score": 400})


def test_a_threshold_keeps_the_share_that_is_wanted(documents: Build, tmp_path: Path) -> None:
    mixed = [f"{PROSE} {SPAM * (i % 60)}" for i in range(120)]
    job = documents([page(f"https://a.org/{i}", t, karma=i) for i, t in enumerate(mixed)])
    model = str(tmp_path / "model.npz")
    report = train_classifier(job.corpus, job.interval, model, min_karma=60, shares=(0.25,))
    assert list(report.thresholds) == ["0.25"]
    build(recipe(job.corpus.root, {"classifier": {"model": model}}).job())
    scores = [
        score
        for path in job.corpus.paths("quality", job.interval)
        for score in pq.read_table(path)["classifier_score"].to_pylist()
    ]
    kept = sum(score >= report.thresholds["0.25"] for score in scores)
    assert 30 <= kept <= 32  # two pages have the same text
    with pytest.raises(SettingError, match="--keep 1.5 is no share"):
        train_classifier(job.corpus, job.interval, model, shares=(1.5,))


def test_bad_examples_leave_the_corpus_out_of_it(documents: Build, tmp_path: Path) -> None:
    """Books as good and the corpus as bad tell books from pages; bad examples say what is meant."""
    job = documents([page(f"https://a.org/{i}", prose(i), karma=5) for i in range(60)])
    good, bad = tmp_path / "good.ndjson", tmp_path / "bad.ndjson"
    good.write_bytes(b"".join(orjson.dumps({"text": prose(1000 + i)}) + b"\n" for i in range(60)))
    bad.write_bytes(b"".join(orjson.dumps({"text": spam(i)}) + b"\n" for i in range(60)))
    model, answer = str(tmp_path / "model.npz"), tmp_path / "answer.json"
    lists = ["--good", str(good), "--bad", str(bad), "--keep", "0.5"]
    command = ["--result", str(answer), "train-classifier", job.corpus.root, model, *lists]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    report = orjson.loads(answer.read_bytes())
    assert report["good"] + report["held_out_good"] == 60
    assert report["others"] + report["held_out_others"] == 60
    assert report["thresholds"]["0.5"] > 0.8  # the corpus is like the good ones
    assert report["above_half"] == 1.0
    assert "Score 0.5 keeps 100.0% of the documents" in done.output
    assert "may tell where a text is from" in done.output


def test_a_line_of_examples_may_hold_any_mark(tmp_path: Path) -> None:
    """U+2028 and U+0085 end lines for Python, and none of JSON's."""
    path = tmp_path / "good.ndjson"
    rows = [{"text": "a\u2028b"}, {"text": "c\x85d"}]
    path.write_bytes(b"\r\n".join(map(orjson.dumps, rows)) + b"\n\n")
    assert list(texts_of(str(path))) == ["a\u2028b", "c\x85d"]


def test_few_held_out_pages_say_nothing(documents: Build, tmp_path: Path) -> None:
    job = good_and_spam(documents, 60)
    report = train_classifier(job.corpus, job.interval, str(tmp_path / "m"))
    assert 0 < report.held_out_good < 30
    assert report.held_out is None
    assert "too few to say how well it does (30 of each at least)" in report.render()


def test_too_few_examples_are_refused(documents: Build, tmp_path: Path) -> None:
    job = documents([page("https://a.org/1", PROSE)])
    with pytest.raises(SettingError, match="too few.*files with good and bad text: 20 of each"):
        train_classifier(job.corpus, job.interval, str(tmp_path / "m"))


def test_links_without_karma_need_good_files(documents: Build, tmp_path: Path) -> None:
    job = good_and_spam(documents, 30)
    for path in job.corpus.paths("links", job.interval):
        table = pq.read_table(path)
        place = table.schema.get_field_index("karma")
        nothing = [None] * len(table)
        pq.write_table(table.set_column(place, "karma", [nothing]).cast(table.schema), path)
    with pytest.raises(SettingError, match="No link has karma.*--good"):
        train_classifier(job.corpus, job.interval, str(tmp_path / "m"))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 30, 0.0, 0.1135), (30, 30, 0.8865, 1.0), (5, 10, 0.2366, 0.7634), (0, 0, 0.0, 1.0)],
)
def test_intervals_are_wilsons(hits: int, of: int, low: float, high: float) -> None:
    """Published values of the score interval (Newcombe 1998 has the formula's own examples)."""
    share = wilson(hits, of)
    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-4)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    draw = np.random.default_rng(1)
    good, others = np.round(draw.normal(1, 1, 300), 1), np.round(draw.normal(0, 1, 200), 1)
    pairs = (good[:, None] > others) + (good[:, None] == others) / 2
    estimate = auc(good, others)
    assert estimate.value == pytest.approx(pairs.mean())
    assert auc(others, good).value == pytest.approx(1 - pairs.mean())
    assert estimate.low < estimate.value < estimate.high


def test_intervals_of_auc_hold_the_true_one() -> None:
    """Of scores N(1, 1) and N(0, 1) the true AUC is Phi(1 / sqrt 2) = 0.7602."""
    draw = np.random.default_rng(2)
    hits = 0
    for _ in range(500):
        estimate = auc(draw.normal(1, 1, 80), draw.normal(0, 1, 60))
        hits += estimate.low <= 0.7602 <= estimate.high
    assert 0.91 < hits / 500 < 0.98


def test_nothing_is_said_of_four_and_seventeen() -> None:
    good = np.arange(21) < 4
    assert held_out(np.linspace(0, 1, 21), good) is None
