"""A corpus of texts that are there already: `pages.source = "texts"`, through all stages."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow.parquet as pq
from quality_corpus import PROSE
from support import Run

from pipeline.store.corpus import Corpus

CODE = "def f(x):\n    return x  \n\n\n# two blank lines, and spaces at an end\ndef g(): ...\n"


def prose(number: int) -> str:
    """Sentences of English words in an order of their own for each number."""
    words = PROSE.replace(".", "").split()
    random.Random(number).shuffle(words)
    return " ".join(f"{' '.join(words[i : i + 12])}." for i in range(0, len(words), 12))


def _write(folder: Path) -> dict[str, str]:
    """Texts by address: prose, code, a copy, and one in German."""
    folder.mkdir()
    texts = {f"https://site{n % 3}.org/{n}": prose(n) for n in range(40)}
    texts["https://code.org/f"] = CODE + prose(50)
    lines = [
        {"body": text, "link": url, "when": "2024-01-02", "points": 5, "name": f"T {url}"}
        for url, text in texts.items()
    ]
    lines += [
        {"body": prose(3), "link": "https://copy.org/", "points": 9},
        {"body": prose(60), "link": "https://low.org/", "points": 1},
        {"body": prose(61), "link": None},
        {"body": None, "link": "https://none.org/"},
        {"body": prose(62), "link": "https://site0.org/0"},
    ]
    half = len(lines) // 2
    for name, part in {"a.jsonl": lines[:half], "b.jsonl": lines[half:]}.items():
        (folder / name).write_text("\n".join(map(json.dumps, part)))
    return texts


def test_own_texts_become_a_corpus_and_shards(tmp_path: Path, webtext: Run) -> None:
    texts = _write(tmp_path / "texts [x]")
    root, recipe = tmp_path / "corpus", tmp_path / "own.toml"
    recipe.write_text(
        f"""
        [corpus]
        root = "{root}"
        [pages]
        source = "texts"
        [pages.texts]
        path = "{tmp_path}/texts [x]"
        text = "body"
        url = "link"
        date = "when"
        karma = "points"
        title = "name"
        [tokens]
        vocab_size = 400
        validation_fraction = 0.2
        [runner]
        workers = 1
        """
    )
    done = webtext("build", str(recipe))
    assert done.returncode == 0, done.stdout
    assert "1 of 45 texts have the address or the name of another" in done.stdout

    corpus = Corpus(str(root))
    rows = [r for p in corpus.paths("corpus", "all") for r in pq.read_table(p).to_pylist()]
    kept = {row["url"]: row for row in rows}
    assert kept["https://code.org/f"]["text"] == texts["https://code.org/f"]
    assert kept["https://site1.org/1"]["title"] == "T https://site1.org/1"
    assert kept["https://site1.org/1"]["date"] == "2024-01-02"
    assert {row["text"] for row in rows} == {*texts.values(), prose(61)}
    assert "https://low.org/" not in kept, "its score is too low"
    assert "https://texts.invalid/?text=b.jsonl%2321" in kept
    assert corpus.require("pages", "all").counts.kept == 43
    assert "Nothing to do" in webtext("build", str(recipe)).stdout

    (tmp_path / "gone.txt").write_text(
        "https://site1.org/1\nhttps://texts.invalid/?text=b.jsonl%2321"
    )
    assert webtext("forget", str(root), str(tmp_path / "gone.txt")).returncode == 0
    assert webtext("verify", str(root)).returncode == 0
    left = [r for p in corpus.paths("corpus", "all") for r in pq.read_table(p).to_pylist()]
    assert {row["url"] for row in rows} - {row["url"] for row in left} == {
        "https://site1.org/1",
        "https://texts.invalid/?text=b.jsonl%2321",
    }
    archived = b"".join(path.read_bytes() for path in (root / "pages/all").glob("*.warc.gz"))
    assert archived, "the texts are kept with the corpus"

    more = tmp_path / "texts [x]" / "c.jsonl"
    more.write_text(json.dumps({"body": prose(70), "link": "https://new.org/"}))
    again = webtext("build", str(recipe))
    assert again.returncode == 0, again.stdout
    left = [r for p in corpus.paths("corpus", "all") for r in pq.read_table(p).to_pylist()]
    assert "https://new.org/" in {row["url"] for row in left}
    assert "https://site1.org/1" not in {row["url"] for row in left}
