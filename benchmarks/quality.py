"""Quality measures against datatrove's filters, and the speed of what-if.

    python benchmarks/quality.py speed DOCUMENTS [--documents 500]   a part-*.parquet with a text
    python benchmarks/quality.py what-if [--documents 1000000]       simulated measurements

`speed` runs all measures of the project and then datatrove's Gopher repetition, Gopher
quality, C4 and FineWeb filters (`peer_filters.py`, in the environment that `make peers` makes)
on the same documents, each document through every filter; then it lists every document whose
verdict differs by family.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.quality.decide import first_failure, rules_of
from pipeline.quality.measure_document import measure_text, measurement_schema
from pipeline.quality.settings import QualitySettings
from pipeline.quality.tables import LINES, quality_schema
from pipeline.store.addresses import page_id
from pipeline.store.corpus import Corpus
from pipeline.store.manifest import Counts, FileEntry, Manifest
from pipeline.store.parts import part_name
from pipeline.store.schemas import SCHEMAS
from pipeline.views.what_if import what_if
from pipeline.views.what_if_text import render

#: datatrove's defaults in this project's rules.
SAME_RULES = {
    "c4": {"max_curly_brackets": 0, "min_tfds_sentences": False, "min_paper_sentences": 5},
    "fineweb": {
        "min_terminal_lines": 0.12,
        "max_short_lines": 0.67,
        "max_duplicate_line_chars": 0.01,
        "max_lines_per_word": 0.3,
    },
}
#: The environment of `make peers`.
PEERS = Path(__file__).resolve().parent.parent / ".venv-peers" / "bin" / "python"


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    speeding = commands.add_parser("speed")
    speeding.add_argument("part", nargs="+")
    speeding.add_argument("--documents", type=int, default=500)
    asking = commands.add_parser("what-if")
    asking.add_argument("--documents", type=int, default=1_000_000)
    arguments = parser.parse_args()
    if arguments.command == "speed":
        speed(arguments.part, arguments.documents)
    else:
        simulate(arguments.documents)


def speed(parts: list[str], documents: int) -> None:
    """Times both and lists the differences."""
    rows = [row for p in parts for row in pq.read_table(p, columns=["url", "text"]).to_pylist()]
    rows = rows[:documents]
    started = time.process_time()
    measured = [measure_text(row["text"]) for row in rows]
    ours = time.process_time() - started
    answer = datatrove([row["text"] for row in rows])
    theirs = answer["seconds"]
    characters = sum(len(row["text"]) for row in rows)
    print(f"{len(rows):,} documents, {characters:,} characters")
    print(
        f"all measures {ours:.2f} s, datatrove's four filters {theirs:.2f} s: {theirs / ours:.1f}x"
    )
    rules = rules_of(QualitySettings.model_validate(SAME_RULES), "en")
    for family, verdict in answer["verdicts"].items():
        own = [r for r in rules if r.column.startswith(f"{family}_")]
        failures = [first_failure(own, values) for values in measured]
        differ = [i for i, f in enumerate(failures) if (f is None) != (verdict[i] == "kept")]
        print(f"\n{family}: {len(differ)} of {len(rows)} verdicts differ")
        for i in differ:
            failure = failures[i]
            said = f"{failure.rule.reason} {failure.value:.4g}" if failure else "kept"
            print(f"  {rows[i]['url']}: ours {said}; datatrove {verdict[i]}")


def datatrove(texts: list[str]) -> dict[str, Any]:
    """What `peer_filters.py` answers: the verdicts of each filter, and its seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as stream:
        json.dump(texts, stream)
        stream.flush()
        script = Path(__file__).with_name("peer_filters.py")
        done = subprocess.run(
            [PEERS, script, stream.name], check=True, capture_output=True, text=True
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def simulate(documents: int) -> None:
    """Writes a corpus of measurements and asks for two changed thresholds."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus(folder)
        _write_simulated(corpus, documents)
        current = QualitySettings()
        changed = QualitySettings.model_validate(
            {"gopher": {"min_words": 120}, "repetition": {"max_duplicate_5_gram": False}}
        )
        started = time.perf_counter()
        result = what_if(corpus, "all", current, changed)
        took = time.perf_counter() - started
        print(render(result))
        print(f"\n{documents:,} documents: what-if took {took:.2f} s")


def _write_simulated(corpus: Corpus, documents: int) -> None:
    generator = np.random.default_rng(0)
    good = measure_text("The mills on the river have been used for years. " * 3)
    ids = sorted(page_id(f"example.org/{i}") for i in range(documents))
    columns: dict[str, Any] = {"id": ids}
    for field in list(measurement_schema())[1:]:
        base = good.get(field.name)
        if base is None:
            columns[field.name] = pa.nulls(documents, field.type)
        elif field.name == "gopher_words":
            columns[field.name] = generator.lognormal(6, 1.2, documents).round()
        elif field.name.startswith("repetition_"):
            columns[field.name] = generator.beta(1, 15, documents)
        else:
            columns[field.name] = np.full(documents, 3.0 if field.name.startswith("c4_t") else base)
    lines = {name: pa.nulls(documents, LINES.field(name).type) for name in LINES.names}
    measured = pa.table(columns | lines, schema=quality_schema())
    passed = pa.table({"id": ids, "language": ["en"] * documents, "reason": [""] * documents})
    _write_stage(corpus, "quality", {"part": measured, "_verdicts": passed})
    urls = [f"https://example.org/{page}" for page in ids]
    empty = {
        n: pa.nulls(documents, SCHEMAS["documents"].field(n).type)
        for n in SCHEMAS["documents"].names
    }
    _write_stage(corpus, "documents", {"part": pa.table(empty | {"id": ids, "url": urls})})
    removed = ids[::10]
    kinds = {"id": removed, "kept_id": removed, "similarity": [0.9] * len(removed)}
    near = pa.table(kinds | {"kind": ["near"] * len(removed)})
    _write_stage(corpus, "dedup", {"part": near})
    _write_stage(corpus, "links", {"part": SCHEMAS["links"].empty_table()})


def _write_stage(corpus: Corpus, stage: str, tables: dict[str, pa.Table]) -> None:
    folder = Path(corpus.folder(stage, "all"))
    folder.mkdir(parents=True)
    entries = []
    for prefix, table in tables.items():
        name = part_name(0, 1, prefix)
        pq.write_table(table, folder / name, compression="zstd", row_group_size=10_000)
        entries.append(FileEntry(name=name, rows=len(table), bytes=0, sha256=""))
    manifest = Manifest(
        stage=stage,
        interval="all",
        settings={},
        settings_hash="",
        inputs={},
        code_version="",
        runner="",
        counts=Counts(),
        files=entries,
        fingerprint="",
    )
    (folder / "_manifest.json").write_bytes(manifest.to_json())


if __name__ == "__main__":
    main()
