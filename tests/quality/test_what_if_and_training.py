"""`what-if` agrees with the corpus stage; the n-gram model tells texts apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from quality_corpus import PROSE, Build, build, page, prose, recipe, run

from pipeline.quality import classifier, perplexity
from pipeline.quality.settings import QualitySettings
from pipeline.quality.stage import CorpusStage, QualityStage
from pipeline.quality.train import train_perplexity
from pipeline.quality.words import tokens_of
from pipeline.store.errors import SettingError
from pipeline.views.what_if import what_if
from pipeline.views.what_if_text import render


def test_what_if_says_what_the_corpus_stage_will_do(documents: Build, tmp_path: Path) -> None:
    pages = [page(f"https://a.org/{i}", prose(i)) for i in range(6)]
    pages += [page(f"https://a.org/s{i}", " ".join(prose(i).split()[: 40 + i])) for i in range(4)]
    pages.append(page("https://b.org/x", prose(99)))
    listed = tmp_path / "takedown.txt"
    listed.write_text("b.org\n")
    job = documents(pages, {"a.org/1": "a.org/0"}, {"c4": {"min_tfds_sentences": False}})
    build(job)
    changed = recipe(
        job.corpus.root,
        {
            "c4": {"min_tfds_sentences": False},
            "gopher": {"min_words": 42},
            "takedown": {"path": str(listed)},
        },
    )
    result = what_if(job.corpus, job.interval, job.section(QualitySettings), changed.quality)
    assert (result.documents, result.kept_before, result.kept_after) == (11, 6, 7)
    assert [(c.reason, c.documents) for c in result.come_in] == [("gopher_min_words", 2)]
    assert [e.value for e in result.come_in[0].examples] == pytest.approx([42, 43], abs=1)
    assert [(c.reason, c.documents) for c in result.leave] == [("takedown", 1)]
    assert [n.rule.reason for n in result.nearest] == ["gopher_min_words"]
    assert result.nearest[0].examples[0].value == 42
    said = render(result)
    assert "11 documents: 6 kept now (54.5 %), 7 with the change" in said
    assert "https://b.org/x" in said

    for stage in (QualityStage(), CorpusStage()):
        run(stage, changed.job())
    assert job.corpus.require("corpus", job.interval).counts.kept == result.kept_after


def test_what_was_removed_for_a_page_that_leaves_comes_in(documents: Build) -> None:
    short = " ".join(prose(0).split()[:60])
    pages = [page("https://a.org/0", short), page("https://a.org/1", prose(1))]
    job = documents(pages, {"a.org/1": "a.org/0"}, {"c4": {"min_tfds_sentences": False}})
    build(job)
    changed = recipe(
        job.corpus.root, {"c4": {"min_tfds_sentences": False}, "gopher": {"min_words": 61}}
    )
    result = what_if(job.corpus, job.interval, job.section(QualitySettings), changed.quality)
    assert [(c.reason, c.documents) for c in result.come_in] == [("duplicate_near", 1)]
    assert [(c.reason, c.documents) for c in result.leave] == [("gopher_min_words", 1)]


def test_what_if_refuses_what_was_not_measured(documents: Build) -> None:
    job = documents([page("https://a.org/1", PROSE)])
    changed = recipe(job.corpus.root, {"contamination": {"size": 8}})
    with pytest.raises(SettingError, match="evaluation set or a model"):
        what_if(job.corpus, job.interval, job.section(QualitySettings), changed.quality)


def test_perplexity_is_lower_for_text_like_the_training_text(tmp_path: Path) -> None:
    source, model = tmp_path / "good.txt", str(tmp_path / "model.npz")
    source.write_text("\n\n".join(prose(i) for i in range(30)))
    assert train_perplexity([str(source)], model) > 1000
    read = perplexity.NgramModel.read(model)
    alike = read.perplexity(tokens_of(prose(1000)))
    other = read.perplexity(tokens_of("Buy cheap pills now and win the casino bonus of the day"))
    assert alike is not None and other is not None and 1 < alike < 5 < other
    assert read.perplexity([]) is None
    assert read.perplexity(["river"]) is not None


def test_probabilities_of_the_ngram_model_sum_to_one() -> None:
    model = perplexity.train([tokens_of("a b a c a b b a c c a b a")])
    # exp(-log p) of the last token, from the perplexities with and without it.
    context = ["a", "b"]
    total = 0.0
    for token in ("a", "b", "c", "unknown"):
        three, two = model.perplexity([*context, token]), model.perplexity(context)
        assert three is not None and two is not None
        total += two ** len(context) / three ** (len(context) + 1)
    assert total == pytest.approx(1.0)


@pytest.mark.parametrize("model", [classifier.ClassifierModel, perplexity.NgramModel])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, model: type) -> None:
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK no zip")
    with pytest.raises(SettingError, match=r"broken\.npz is no"):
        model.read(str(broken))  # type: ignore[attr-defined]
