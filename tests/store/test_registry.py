"""Registries: classes by entry points, and settings with a section for each of them."""

import subprocess
import sys
from pathlib import Path

import pytest

#: Two distributions as pip leaves them: a good class, one that cannot be imported, one of no kind.
PLUGINS = {
    "good-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: good\nVersion: 1.0\n",
    "good-1.0.dist-info/entry_points.txt": "[webtext.shapes]\nround = good_shapes:Round\n",
    "good_shapes.py": """\
from shapes import Shape
from pipeline.store.settings import Settings

class RoundSettings(Settings):
    max_radius: float = 2.0

class Round(Shape):
    settings = RoundSettings
""",
    "bad-2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: bad\nVersion: 2.0\n",
    "bad-2.0.dist-info/entry_points.txt": (
        "[webtext.shapes]\nlost = nowhere_to_be_found:Lost\nother = shapes:Other\n"
    ),
    "shapes.py": """\
from functools import cache
from pipeline.store.registry import Registry
from pipeline.store.settings import OpenSettings, Settings

class Shape:
    settings = Settings

class Other:
    pass

SHAPES = Registry("webtext.shapes", Shape, "shape")

class ShapeSettings(OpenSettings):
    least: int = 1

    @classmethod
    def sections(cls):
        return {"round": SHAPES.get("round").settings}
""",
}


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    for name, text in PLUGINS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def told(plugins: Path, code: str) -> str:
    """What Python prints that has the two distributions."""
    head = f"import sys; sys.path.insert(0, {str(plugins)!r})\nfrom shapes import *\n"
    tail = "from pipeline.store.errors import WebtextError\n"
    command = [sys.executable, "-c", head + tail + code]
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout


def error_of(plugins: Path, expression: str) -> str:
    code = f"try:\n    {expression}\nexcept WebtextError as error:\n    print(error)"
    return told(plugins, code)


def test_names_are_known_before_anything_is_imported(plugins: Path) -> None:
    assert told(plugins, "print(SHAPES.names())") == "['lost', 'other', 'round']\n"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("SHAPES.get('ronud', 'shape.kind')", "shape.kind = 'ronud': no shape has the name"),
        ("SHAPES.get('ronud')", "Known: lost, other, round. Did you mean round?"),
        ("SHAPES.get('lost')", "lost (nowhere_to_be_found:Lost, of bad 2.0) cannot be loaded"),
        ("SHAPES.get('other')", "Derive it from shapes.Shape"),
        ("ShapeSettings.checked({'rond': {}}, 'a.toml')", "unknown key rond. Known here: least, r"),
        (
            "ShapeSettings.checked({'round': {'max_radus': 1}}, 'a.toml')",
            "a.toml: unknown key round.max_radus. Known here: max_radius. Did you mean max_radius?",
        ),
        ("ShapeSettings.checked({'round': {'max_radius': 'x'}}, 'a')", "round.max_radius = 'x'"),
    ],
)
def test_an_error_names_the_place_and_the_known(plugins: Path, expression: str, said: str) -> None:
    assert said in error_of(plugins, expression)


def test_two_distributions_of_one_name_are_refused(plugins: Path) -> None:
    path = plugins / "bad-2.0.dist-info/entry_points.txt"
    path.write_text("[webtext.shapes]\nround = shapes:Shape\n")
    said = error_of(plugins, "SHAPES.get('round')")
    assert "good 1.0" in said
    assert "bad 2.0" in said


def test_a_section_has_defaults_identity_and_a_copy_by_pickle(plugins: Path) -> None:
    code = """\
import pickle
read = ShapeSettings.checked({"least": 2, "round": {"max_radius": 5}}, "a.toml")
print(read.round.max_radius, ShapeSettings().round.max_radius, read.identity())
print(pickle.loads(pickle.dumps(read)) == read, read == ShapeSettings(), read.model_dump())
"""
    said = "{'least': 2, 'round': {'max_radius': 5.0}}"
    assert told(plugins, code) == f"5.0 2.0 {said}\nTrue False {said}\n"


def test_a_worker_is_told_which_distributions_take_part(plugins: Path) -> None:
    code = "from pipeline.store.registry import plugin_versions; print(plugin_versions())"
    assert told(plugins, code) == "['bad 2.0', 'good 1.0']\n"
