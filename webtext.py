"""WebText from Python: `import webtext; corpus = webtext.open("data/webtext")`.

What is here is stable; what `pipeline` and `trainer` hold besides may change.  Nothing heavy is
imported before it is needed: Beam by `build` and `stage_transform`, torch by `load_run` and
`OpenedCorpus.tokens`.  Errors are `webtext.WebtextError` (what failed, where, what to do) and, for
wrong arguments, its kind `webtext.SettingError`.

The `webtext` command starts here as well.  `pipeline` and `trainer` are common names: another
distribution or a folder on PYTHONPATH may bring its own, and Python takes the first that it
finds.  The command tells that in one line, before any of its packages is imported.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import apache_beam as beam
    import pyarrow as pa
    from datasets import Dataset
    from duckdb import DuckDBPyRelation
    from pandas import DataFrame
    from polars import LazyFrame

    from pipeline.store.corpus import Corpus
    from pipeline.store.errors import SettingError, WebtextError
    from pipeline.views.what_if import WhatIf
    from trainer.data.torch_dataset import TokenDataset
    from trainer.run.run import Loaded

__all__ = [
    "OpenedCorpus",
    "SettingError",
    "TrainedRun",
    "WebtextError",
    "build",
    "load_run",
    "open",
    "stage_transform",
]

_HOME = Path(__file__).resolve().parent
_PACKAGES = ("pipeline", "trainer")
#: Our packages name the project in their first line; one that was written over does not.
_MARK = "WebText"


def main() -> None:
    """Runs the command; exits with 1 where one of its packages is another's."""
    # All processes that the command starts find modules as it does, whatever lies in the
    # current folder.
    os.environ["PYTHONSAFEPATH"] = "1"
    for name in _PACKAGES:
        error = _stranger(name)
        if error:
            sys.exit(f"webtext: {error}")
    from pipeline.cli import command

    command()


def _stranger(name: str) -> str | None:
    """What stands in the place of one of our packages, and what to do; None where it is ours."""
    again = "pip install --force-reinstall webtext"
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return f"Its package {name} is not there. {again}"
    path = Path(spec.origin)
    if path.resolve() != _HOME / name / "__init__.py":
        return f"{path} stands before webtext's own {name}. {_remedy(name)}"
    first, *_ = path.read_text(encoding="utf-8", errors="replace").split("\n", 1)
    if _MARK not in first:
        return f"Another package was installed over {path.parent}. {_remedy(name)}, then {again}"
    return None


def _remedy(name: str) -> str:
    owners = set(metadata.packages_distributions().get(name, [])) - {"webtext"}
    if owners:
        return f"pip uninstall {' '.join(sorted(owners))}"
    return "Take the folder that it lies in out of PYTHONPATH"


def open(root: str | os.PathLike[str]) -> OpenedCorpus:  # as in webtext.open
    """The corpus in a folder or at an fsspec address.  Raises WebtextError where there is none."""
    from pipeline.store.corpus import Corpus, check_root

    check_root(os.fspath(root))
    Corpus(os.fspath(root)).check_there()
    return OpenedCorpus(os.fspath(root))


def build(
    recipe: str | os.PathLike[str],
    settings: Sequence[str] = (),
    *,
    interval: str | None = None,
    until: str | None = None,
    say: Callable[[str], None] = print,
) -> OpenedCorpus:
    """Builds what is not up to date of a recipe (a path or a bundled name); gives the corpus.

    `settings` are overrides such as `"links.min_karma=5"`, `until` is the last stage, `say` is
    told what happens.  Raises SettingError for a wrong recipe, WebtextError where a stage fails;
    what was finished stays, and the next build goes on from there.
    """
    from pipeline.build.build import build as build_corpus
    from pipeline.build.recipe import read_recipe

    named = [f"corpus.interval={interval}"] if interval else []
    read = read_recipe(os.fspath(recipe), [*settings, *named])
    build_corpus(read, until=until, say=say)
    return OpenedCorpus(read.corpus.root)


def stage_transform(
    recipe: str | os.PathLike[str],
    stage: str,
    settings: Sequence[str] = (),
    *,
    interval: str | None = None,
) -> beam.PTransform:
    """A stage of a recipe as a PTransform, for a Beam pipeline of your own.

    It goes from the pipeline's root to a PCollection of one `Manifest`, which says what the stage
    wrote: counts, files, fingerprint.  The stages before it must be finished.  What was there of
    the stage is kept aside and made anew, and no lock is taken: `build` does what is around it.
    Raises SettingError for a stage that there is none of, WebtextError where its input is missing.
    """
    from pipeline.build.own_pipeline import begin_stage
    from pipeline.build.recipe import read_recipe

    named = [f"corpus.interval={interval}"] if interval else []
    return begin_stage(read_recipe(os.fspath(recipe), [*settings, *named]), stage)


def load_run(path: str | os.PathLike[str], step: int | None = None) -> TrainedRun:
    """The model of a training run at its last complete checkpoint, or at that of `step`.

    Raises WebtextError where there is no run, or nothing of it can be used.
    """
    from trainer.run.distributed import pick_device
    from trainer.run.run import load_run as load

    return TrainedRun(load(os.fspath(path), pick_device("auto"), step, _quiet))


@dataclass(frozen=True)
class OpenedCorpus:
    """A corpus that is there: its tables, its texts, its shards, and what can be asked of it.

    Tables are named as in `webtext show`: links, pages, documents, quality, dedup, corpus (the
    accepted texts), decisions, …  Without an interval they are those of all intervals.
    """

    root: str

    def intervals(self, stage: str = "corpus") -> list[str]:
        """The intervals for which a stage is finished, in order."""
        return self._corpus.intervals(stage)

    def status(self) -> list[dict[str, Any]]:
        """Each stage of each interval: state, counts, size, as `webtext status` shows them."""
        from pipeline.views.status import corpus_status

        return [stage.as_plain() for stage in corpus_status(self._corpus)]

    def files(self, table: str = "corpus", interval: str | None = None) -> list[str]:
        """The Parquet files of a table, in order, for any reader.

        Raises SettingError for a table that no stage has, WebtextError before it is built.
        """
        from pipeline.views.show import table_paths

        return table_paths(self._corpus, table, interval)

    def batches(
        self,
        table: str = "corpus",
        columns: Sequence[str] | None = None,
        interval: str | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a table some thousand at a time, with flat memory."""
        from pipeline.store.parquet import batches

        for path in self.files(table, interval):
            yield from batches(path, columns)

    def arrow(
        self,
        table: str = "corpus",
        columns: Sequence[str] | None = None,
        interval: str | None = None,
    ) -> pa.Table:
        """A table as one of Arrow."""
        import pyarrow as pa

        from pipeline.store.parquet import read_table

        tables = [read_table(path, columns) for path in self.files(table, interval)]
        return pa.concat_tables(tables, promote_options="default")

    def pandas(self, table: str = "corpus", interval: str | None = None) -> DataFrame:
        """A table as a DataFrame of pandas."""
        _need("pandas")
        return self.arrow(table, interval=interval).to_pandas()

    def polars(self, table: str = "corpus", interval: str | None = None) -> LazyFrame:
        """A table as a lazy frame of Polars, which reads what a query needs."""
        paths = self.files(table, interval)
        frame: LazyFrame = _need("polars").scan_parquet(paths, glob=False)
        return frame

    def duckdb(self, table: str = "corpus", interval: str | None = None) -> DuckDBPyRelation:
        """A table as a relation of DuckDB: `corpus.duckdb("links").filter("karma > 100")`."""
        from pipeline.store.sql import Database

        return Database().relation(self.files(table, interval))

    def documents(self, interval: str | None = None) -> Iterator[dict[str, Any]]:
        """The accepted texts one by one: id, url, title, date, karma, language, text, words."""
        for batch in self.batches("corpus", interval=interval):
            yield from batch.to_pylist()

    def dataset(self, interval: str | None = None, cache: str | None = None) -> Dataset:
        """The accepted texts as a data set of the Hugging Face library `datasets`.

        It keeps a copy in the folder `cache`, else where it keeps all of its own (`HF_HOME`).
        """
        from pipeline.store.files import escape

        paths = [escape(path) for path in self.files("corpus", interval)]  # it takes patterns
        found: Dataset = _need("datasets").Dataset.from_parquet(paths, cache_dir=cache)
        return found

    def why(self, page: str) -> dict[str, Any]:
        """The life of a page, by its id or any form of its address: what each stage recorded.

        Raises WebtextError where no stage knows it.
        """
        from pipeline.views.why import life_of

        return life_of(self._corpus, page).as_plain()

    def what_if(self, *settings: str, interval: str | None = None) -> WhatIf:
        """What other thresholds would change: `corpus.what_if("quality.gopher.min_words=40")`.

        Raises SettingError for a setting that decides nothing here.
        """
        from pipeline.views.what_if import changed_quality, what_if

        name = interval or self._corpus.last_interval("corpus")
        return what_if(self._corpus, name, *changed_quality(self._corpus, name, settings))

    def verify(self) -> int:
        """Reads all files and compares them with what is recorded; gives their number.

        Raises WebtextError that names the first thing that is wrong.
        """
        from pipeline.views.verify import verify_corpus

        return verify_corpus(self._corpus).files

    def tokens(
        self,
        name: str = "gpt2",
        split: str = "train",
        length: int = 1024,
        seed: int = 0,
        *,
        shuffled: bool = True,
    ) -> TokenDataset:
        """Shards as a data set of PyTorch: sample i is int64 (length + 1), inputs and targets."""
        from trainer.data.torch_dataset import TokenDataset

        folder = self._corpus.folder("tokens", name)
        return TokenDataset(folder, split, length, seed, shuffled=shuffled)

    @property
    def _corpus(self) -> Corpus:
        from pipeline.store.corpus import Corpus

        return Corpus(self.root)


@dataclass(frozen=True)
class TrainedRun:
    """A trained model with its tokenizer and its recipe, ready for use."""

    loaded: Loaded

    def generate(
        self,
        prompts: str | Sequence[str],
        tokens: int = 200,
        *,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> list[str]:
        """Continues prompts by a decoder; each text begins with its prompt.

        `tokens` new ones at most; `temperature` 0 takes the likeliest token, `top_k` and `top_p`
        leave out unlikely ones.  The same seed gives the same texts.  Raises SettingError for an
        encoder, which generates nothing.
        """
        from trainer.eval.continue_text import continue_prompts
        from trainer.eval.generate import Sampling

        sampling = Sampling(temperature, top_k, top_p, seed)
        given = [prompts] if isinstance(prompts, str) else list(prompts)
        return [
            one["text"] for one in continue_prompts(self.loaded, given, tokens, sampling, _quiet)
        ]


def _need(name: str) -> Any:
    """A library that is no dependency of ours; SettingError where it is not installed."""
    from pipeline.store.errors import SettingError

    if importlib.util.find_spec(name) is None:
        raise SettingError(f"The package {name} is not installed", f"pip install {name}")
    return importlib.import_module(name)


def _quiet(*_: object) -> None:
    """Says nothing."""


if not TYPE_CHECKING:  # a checker would take every name for one of ours

    def __getattr__(name: str) -> Any:
        if name in ("WebtextError", "SettingError"):
            from pipeline.store import errors

            return getattr(errors, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    main()
