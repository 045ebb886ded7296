"""Who may import whom, folder by folder; and names that are imported are there."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest
from support import PROJECT

from docs.draw_imports import PICTURE, draw, imported

STAGES = ("links", "pages", "documents", "dedup", "quality", "tokens")
#: Data that the code carries; no code of ours imports from below it.
GROUND = ("store", "sample")

#: Folder of `pipeline/` -> the folders of `pipeline/` that it may import, besides itself.
PIPELINE: dict[str, tuple[str, ...]] = {
    "store": (),
    "sample": ("store",),
    "engine": ("store",),
    **dict.fromkeys(STAGES, ("store", "engine")),
    "build": (*GROUND, "engine", *STAGES),
    "views": (*GROUND, "engine", *STAGES, "build"),
    "browse": (*GROUND, "engine", *STAGES, "build", "views"),
    "plan": (*GROUND, "engine", *STAGES, "build", "views"),
    "forget": ("store", "engine", "build", "views"),  # stages say by themselves how pages leave
    "conformance": (*GROUND, "engine", "build"),
    "cli": (
        *GROUND, "engine", *STAGES, "build", "views", "browse", "plan", "forget", "conformance",
    ),
    "__main__": ("cli",),
}  # fmt: skip

_MODELS = ("settings", "data", "models", "optim", "objectives")
#: Folder of `trainer/` -> the folders of `trainer/` that it may import, besides itself.
TRAINER: dict[str, tuple[str, ...]] = {
    "settings": (),
    "data": ("settings",),
    "models": ("settings",),
    "optim": ("settings",),
    "objectives": ("settings", "data", "models", "optim"),
    "run": _MODELS,
    "hf": (*_MODELS, "run"),
    "eval": (*_MODELS, "run", "hf"),
    "loop": (*_MODELS, "run", "hf", "eval"),
    "finetune": (*_MODELS, "run", "hf", "eval"),
    "plan": (*_MODELS, "run", "hf"),  # a plan counts the teacher, whose shape is in its folder
    "cli": (*_MODELS, "run", "hf", "eval", "loop", "finetune", "plan"),
}
#: What of `pipeline/` the trainer may import: the contract on disk.
CONTRACT = ("pipeline.store", "pipeline.tokens.megatron")

#: Where Beam may be imported.
BEAM = ("engine", "build", "conformance")


def folder_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def files_of(top: str) -> list[Path]:
    return sorted((PROJECT / top).rglob("*.py"))


def room(path: Path, top: str) -> str:
    parts = path.relative_to(PROJECT / top).parts
    return parts[0].removesuffix(".py")


@pytest.mark.parametrize(("top", "table"), [("pipeline", PIPELINE), ("trainer", TRAINER)])
def test_folders_import_only_what_the_table_allows(
    top: str, table: dict[str, tuple[str, ...]]
) -> None:
    wrong = []
    for path in files_of(top):
        here = room(path, top)
        if here == "__init__":
            continue
        allowed = {here, *table[here], ""}  # "": the version alone
        wrong += [
            f"{path.relative_to(PROJECT)} imports {module}"
            for module in imported(path)
            if module.split(".")[0] == top and folder_of(module) not in allowed
        ]
    assert wrong == []


@pytest.mark.parametrize("table", [PIPELINE, TRAINER])
def test_the_table_has_no_circle(table: dict[str, tuple[str, ...]]) -> None:
    """Each folder imports only folders that stand before it, so there is no way back."""
    before: set[str] = set()
    for name, allowed in table.items():
        assert set(allowed) <= before, name
        before.add(name)


@pytest.mark.parametrize(("top", "table"), [("pipeline", PIPELINE), ("trainer", TRAINER)])
def test_every_folder_is_in_the_table(top: str, table: dict[str, tuple[str, ...]]) -> None:
    assert {room(path, top) for path in files_of(top)} - {"__init__"} == set(table)


def test_the_halves_meet_in_the_contract_alone() -> None:
    for path in files_of("trainer"):
        for module in imported(path):
            assert not module.startswith("apache_beam"), path
            if module.split(".")[0] == "pipeline":
                assert module.startswith(CONTRACT), f"{path}: {module}"
    for path in files_of("pipeline"):
        tops = {module.split(".")[0] for module in imported(path)}
        assert not tops & {"torch", "trainer"}, path


def test_beam_is_imported_by_engine_and_build_alone() -> None:
    for path in files_of("pipeline"):
        if room(path, "pipeline") in BEAM:
            continue
        assert not any(module.startswith("apache_beam") for module in imported(path)), path


def test_the_picture_in_contributing_is_drawn_from_the_code() -> None:
    """`python docs/draw_imports.py` draws it anew."""
    assert PICTURE.read_text(encoding="utf-8") == draw()
    assert f"docs/{PICTURE.name}" in (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@functools.cache
def names_of(path: Path) -> frozenset[str]:
    """What a module binds at its top level, also within an `if` or `try` there."""
    found: set[str] = set()
    waiting: list[ast.stmt] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        else:
            found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            waiting += [child for child in ast.walk(node) if isinstance(child, ast.stmt)][1:]
    return frozenset(found)


@pytest.mark.parametrize("top", ["tests", "benchmarks", "dags", "pipeline", "trainer"])
def test_what_is_imported_is_there(top: str) -> None:
    """A name that is gone would be missed only where the module that asks for it runs."""
    missing = []
    for path in files_of(top):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.level or not node.module:
                continue
            if node.module.split(".")[0] not in {"pipeline", "trainer", "benchmarks"}:
                continue
            place = PROJECT / node.module.replace(".", "/")
            file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            known = names_of(file) if file.exists() else frozenset()
            missing += [
                f"{path.relative_to(PROJECT)}: {node.module}.{alias.name}"
                for alias in node.names
                if alias.name not in known
                and not (place / f"{alias.name}.py").exists()
                and not (place / alias.name).is_dir()
            ]
    assert missing == []
