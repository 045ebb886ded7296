"""The docs site, by Sphinx: `make site` writes it to build/site; a broken link ends it.

README.md is its first page.  The pages are the files as they are in the repository: a link that
leads to code leads to the tree on the web (in a job of GitHub Actions) or on this machine.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

from pipeline.build.recipe import Recipe
from pipeline.store.setting_docs import SettingDoc, setting_docs
from trainer.settings.recipe import RunRecipe

HOME = Path(__file__).resolve().parent.parent

project = "WebText"
html_title = project
html_theme = "furo"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
autodoc_typehints = "description"
myst_enable_extensions = ["deflist"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md"]
myst_heading_anchors = 4
html_show_copyright = False
html_show_sphinx = False

#: Where code is shown.
TREE = (
    "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/blob/{GITHUB_SHA}".format(**os.environ)
    if "GITHUB_REPOSITORY" in os.environ
    else HOME.as_uri()
)
#: The pages after the first, in the order in which they are read.
CONTENTS = {
    "A corpus": (
        "links", "crawling", "own-texts", "extraction", "dedup", "quality", "scorers", "shards",
        "formats",
    ),
    "Running it": (
        "operations", "browse", "python", "api", "settings", "runners", "images", "scale",
        "performance",
    ),
    "Training": ("training", "encoders", "distillation", "stream", "results", "sharing"),
    "The project": ("extending", "glossary", "decisions"),
}  # fmt: skip
_OTHERS = ("CONTRIBUTING", "SECURITY", "CHANGELOG")

# Not of images and web addresses.
_LINK = re.compile(r"(?<!!)(\[[^\]]*\])\((?!\w+:|#)([^)#]+)")


def _contents() -> str:
    lines = []
    for caption, pages in CONTENTS.items():
        names = [f"docs/{page}" for page in pages]
        names += _OTHERS if caption == "The project" else ()
        lines += ["", "```{toctree}", ":hidden:", f":caption: {caption}", *names, "```"]
    return "\n".join(lines)


def _settings() -> str:
    """All settings, by recipe and section, as definition lists."""
    lines: list[str] = []
    for command, recipe in (("build", Recipe), ("train", RunRecipe)):
        lines += ["", f"## `webtext {command}`"]
        shown = None
        for doc in setting_docs(recipe):
            section, _, name = doc.key.rpartition(".")
            if section != shown:
                lines += ["", f"### `{section}`" if section else "### Outside of sections"]
                shown = section
            lines += ["", *_setting(name, doc)]
    return "\n".join(lines)


def _setting(name: str, doc: SettingDoc) -> list[str]:
    value = f"`{name} = {doc.default}`" if doc.default else f"`{name}` (must be given)"
    changes = "changes the result" if doc.decides else "does not change the result"
    return [value, f": {doc.text}", "", f"  *{doc.type}; {changes}; from: {doc.source}*"]


def _prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Links to code become links to the tree; the first page gets the table of contents."""
    folder = Path(app.srcdir, page).parent

    def to_tree(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        if target.suffix == ".md" or not target.exists():
            return link[0]  # Sphinx follows it, and says where it leads nowhere
        return f"{link[1]}({TREE}/{target.relative_to(HOME).as_posix()}"

    source[0] = _LINK.sub(to_tree, source[0])
    if page == root_doc:
        source[0] += _contents()
    if page == "docs/settings":
        source[0] += _settings()


def _write_index(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        redirect = f'<meta http-equiv="refresh" content="0; url={root_doc}.html">\n'
        Path(app.outdir, "index.html").write_text(redirect, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", _prepare)
    app.connect("build-finished", _write_index)
