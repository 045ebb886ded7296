"""The documents of a step as a page; that they are the right ones is tested beside `trace`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from multidict import MultiDict

from pipeline.browse import runs
from pipeline.browse.server import page_templates
from pipeline.store.errors import SettingError

HOSTILE = "<script>steal()</script>"


class OneStep:
    """A run whose step 3 has many documents."""

    def step(self, name: str, step: int) -> dict[str, Any]:
        line = {"loss": 9.5, "grad_norm": 1.25, "first_sample": 16, "samples": 8, "skipped": True}
        return line if (name, step) == ("run", 3) else {}

    def documents(self, name: str, step: int) -> list[dict[str, Any]]:
        assert (name, step) == ("run", 3)
        row = {"sample": 17, "tokens": 65, "links": (f"r/{HOSTILE} t3_a 5",)}
        return [row | {"id": f"{i:032x}", "url": f"http://{HOSTILE}/{i}"} for i in range(250)]


def test_documents_of_a_step_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_runs", lambda _: OneStep())
    known = [{"id": f"{1:032x}", "title": "Known page", "fate": "kept"}]
    site: Any = SimpleNamespace(catalogue=SimpleNamespace(ask=lambda *_: known))
    pages = page_templates("/token", "root")
    shown = []
    for start in ("", "200"):
        view = runs.trace_view(site, MultiDict(run="run", step="3", **{"from": start}), "")
        shown.append(pages.get_template(view.template).render(here="trace", **view.values))
    assert "Step 3 of run" in shown[0] and "loss 9.5000" in shown[0] and "skipped" in shown[0]
    assert f'href="/token/page/{1:032x}">Known page' in shown[0]
    assert "250 documents, 1 to 200 are shown" in shown[0] and "from=200" in shown[0]
    assert "201 to 250 are shown" in shown[1] and "More documents" not in shown[1]
    assert not any(HOSTILE in page for page in shown)
    with pytest.raises(SettingError):
        runs.trace_view(site, MultiDict(run="run", step="x"), "")
