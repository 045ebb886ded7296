"""Each document is judged by the rules of its language; rules that do not fit are refused."""

from __future__ import annotations

from typing import Any

import pytest
from quality_corpus import PROSE, Build, build, page, recipe, run, table

from pipeline.quality.decide import first_failure, rules_of
from pipeline.quality.fit import check_fit
from pipeline.quality.measure_document import measure_text
from pipeline.quality.published import published_values
from pipeline.quality.settings import QualitySettings
from pipeline.quality.stage import QualityStage
from pipeline.store.addresses import page_id
from pipeline.store.errors import SettingError
from pipeline.views.report import write_report
from pipeline.views.what_if import what_if
from pipeline.views.what_if_text import render

GERMAN = (
    "Der Fluss entspringt in den Hügeln im Norden der Stadt, wo sich das Regenwasser in flachen "
    "Mulden zwischen dem Heidekraut sammelt. Die Bauern nutzen sein Wasser seit Jahrhunderten, und "
    "die alten Getreidemühlen am Ufer zeigen, wie sehr sie es brauchten. Im Frühling werden die "
    "Wiesen überschwemmt, was das Gras wachsen lässt und die Graureiher zurückbringt. Niemand weiß "
    "mehr, wer die Steinbrücke gebaut hat, aber eine Jahreszahl über dem mittleren Bogen sagt, "
    "dass sie nach einem Sturm ausgebessert wurde."
)
#: A paragraph about a river in languages of other scripts, some of them without spaces.
TEXTS = {
    "de": GERMAN,
    "fr": "La rivière prend sa source dans les collines au nord de la ville, où la pluie se "
    "rassemble. Les paysans utilisent son eau depuis des siècles. Les moulins sont sur la rive.",
    "ru": "Река начинается в холмах на севере города, где собирается дождевая вода. Крестьяне "
    "пользуются ею уже много веков. Старые мельницы стоят на берегу и с тех пор не работают.",
    "zh": "这条河发源于城北的山丘，雨水在那里汇集成浅池。几个世纪以来，农民一直在使用河水。"
    "河边的老磨坊也是很久以前建的。",
    "ja": "この川は町の北の丘に源を発し、そこに雨水が集まる。農民は何世紀もその水を使ってきた。"
    "岸の古い水車は今も残っている。",
    "ko": "이 강은 도시 북쪽의 언덕에서 시작되며 그곳에 빗물이 모인다. 농부들은 수백 년 동안 그 "
    "물을 사용해 왔다. 강가의 오래된 방앗간은 아직 남아 있다.",
    "ar": "ينبع النهر من التلال في شمال المدينة حيث تتجمع مياه الأمطار. استخدم الفلاحون مياهه منذ "
    "قرون. هل تعرف من بنى الجسر على النهر؟",
    "hi": "नदी शहर के उत्तर में पहाड़ियों से निकलती है, जहाँ वर्षा का पानी इकट्ठा होता है। किसान "
    "सदियों से इसके पानी का उपयोग करते हैं। पुरानी चक्कियाँ किनारे पर हैं।",
    "th": "แม่น้ำเริ่มต้นที่เนินเขาทางเหนือของเมือง ซึ่งเป็นที่ที่น้ำฝนมารวมกัน และชาวนาได้ใช้น้ำมาหลายร้อยปี",
}


def test_a_threshold_is_that_of_the_documents_language() -> None:
    settings = QualitySettings()
    longest = {
        language: [
            rule.threshold
            for rule in rules_of(settings, language)
            if rule.reason == "gopher_max_mean_word_length"
        ]
        for language in ("en", "de", "zh", "xx", "")
    }
    assert longest == {"en": [10], "de": [15], "zh": [5], "xx": [], "": []}


def test_a_number_or_false_holds_for_all_languages() -> None:
    settings = QualitySettings.model_validate(
        {"gopher": {"max_mean_word_length": 12, "min_stop_words": False}}
    )
    for language in ("en", "de", "xx"):
        thresholds = {rule.reason: rule.threshold for rule in rules_of(settings, language)}
        assert thresholds["gopher_max_mean_word_length"] == 12
        assert "gopher_min_stop_words" not in thresholds


def test_every_language_has_a_value_for_rules_that_there_are() -> None:
    families = QualitySettings().families()
    known = {f"{name}_{one}" for name, limits in families.items() for one in limits.limits()}
    values = published_values()
    assert len(values) > 100
    for language, of_language in values.items():
        assert of_language.stop_words, language
        assert of_language.thresholds.keys() <= known, language
        assert of_language.thresholds.keys() <= values["en"].thresholds.keys(), language


@pytest.mark.parametrize("language", TEXTS)
def test_prose_of_a_language_passes_its_rules(language: str) -> None:
    measured = measure_text(TEXTS[language], language)
    rules = [r for r in rules_of(QualitySettings(), language) if r.reason != "gopher_min_words"]
    assert first_failure(rules, measured) is None


def test_german_prose_breaks_the_rules_of_english() -> None:
    failure = first_failure(rules_of(QualitySettings(), "en"), measure_text(GERMAN, "en"))
    assert failure is not None
    assert failure.rule.reason == "gopher_min_stop_words"


@pytest.mark.parametrize(
    ("text", "language", "column", "value"),
    [
        ("Das ist hell und dick.", "de", "lexicon_toxic_words", None),
        ("Ist die Datei da?", "de", "gopher_stop_words", 1),
        ("DER UND DIE.", "de", "gopher_stop_words", 3),
        ("the of and", "xx", "gopher_stop_words", None),
        ("the of and", "", "gopher_stop_words", None),
        ("他们在学校。", "zh", "gopher_words", 3),  # of two characters at most
        ("他们是学生", "zh", "gopher_stop_words", 2),
        ("他们在这所学校学习。他们都是学生！", "zh", "c4_tfds_sentences", 2),
        ("ماذا تريد أن تفعل اليوم؟", "ar", "c4_tfds_sentences", 1),
        ("वह आज सुबह स्कूल जाता है।", "hi", "c4_tfds_sentences", 1),
        ("นักเรียนไปโรงเรียนทุกวันในตอนเช้า", "th", "c4_tfds_sentences", None),
        ("Version 2.3 is at a.org/x.y now.", "en", "c4_tfds_sentences", 1),
        ("今日は学校へ行きました。", "ja", "dclm_one_word_lines", 0),
        ("今日は学校へ行きました。", "ja", "dclm_interface_lines", None),
        ("Privacy policy", "de", "c4_policy_lines", None),
        ("他们在学校。", "zh", "fineweb_terminal_lines", 1),
    ],
)
def test_measures_by_language(text: str, language: str, column: str, value: float | None) -> None:
    assert measure_text(text, language)[column] == value


@pytest.mark.parametrize(
    ("quality", "languages", "match"),
    [
        ({}, ["en", "xx"], r"documents\.languages: .*none are published for 'xx'"),
        (
            {"dclm": {"max_interface_lines": 0.1}},
            ["de"],
            r"dclm\.max_interface_lines = 0.1",
        ),
        ({"lexicon": {"max_toxic_words": 0.1}}, ["de"], "looks for English words"),
        ({"gopher": {"min_mean_word_length": 3}}, ["de", "zh"], "at most 2 characters"),
    ],
)
def test_rules_that_do_not_fit_are_refused(
    quality: dict[str, Any], languages: list[str], match: str
) -> None:
    with pytest.raises(SettingError, match=match):
        check_fit(QualitySettings.model_validate(quality), languages)


@pytest.mark.parametrize(
    ("quality", "languages"),
    [
        ({}, []),
        ({}, ["de", "en", "th", "zh"]),
        ({"rules": {"any_language": True}}, ["xx"]),
        ({"lexicon": {"max_toxic_words": 0.1}}, ["de", "en"]),
        ({"lexicon": {"max_toxic_words": False}}, ["de"]),
        ({"gopher": {"min_mean_word_length": 2}}, ["zh"]),
    ],
)
def test_rules_that_fit_are_taken(quality: dict[str, Any], languages: list[str]) -> None:
    check_fit(QualitySettings.model_validate(quality), languages)


def test_values_that_nobody_published_are_refused() -> None:
    with pytest.raises(ValueError, match=r"gopher\.min_words = 'published': no values"):
        QualitySettings.model_validate({"gopher": {"min_words": "published"}})


def test_verdicts_what_if_and_report_name_the_language(documents: Build) -> None:
    xx = "Wo xa ni te ka ro mi. Xa wo te ni ka ro mi la. Te wo xa ka ni mi ro. " + " ".join(
        f"{a}o{b}i{c}" for a in "xwtk" for b in "nmrl" for c in "abc"
    )
    xx += "."
    pages = [
        page("https://a.org/en", PROSE),
        page("https://a.org/de", GERMAN) | {"language": "de"},
        page("https://a.org/xx", xx) | {"language": "xx"},
    ]
    job = documents(pages)
    build(job)
    rules = {
        key: table(job, "quality", "verdicts-")[page_id(f"a.org/{key}")]
        for key in ("en", "de", "xx")
    }
    assert [(row["rules"], row["reason"]) for row in rules.values()] == [
        ("en", ""),
        ("de", ""),
        ("", ""),
    ]
    manifest = job.corpus.require("quality", job.interval)
    assert "1 of 3 documents are in languages without published values" in manifest.warnings[0]

    changed = recipe(job.corpus.root, {"gopher": {"max_mean_word_length": 5}})
    result = what_if(job.corpus, job.interval, job.section(QualitySettings), changed.quality)
    said = render(result)
    assert "rules by language: de 1, en 1; 1 documents in languages without published" in said
    assert "1 by gopher_max_mean_word_length 5 (de)" in said
    run(QualityStage(), changed.job())
    dropped = job.corpus.require("quality", job.interval).counts.dropped
    assert dropped == {"gopher_max_mean_word_length": 1}
    with open(write_report(job.corpus), encoding="utf-8") as report:
        assert "only those that need no language" in report.read()
