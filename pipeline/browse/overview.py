"""The first page: what is built, in numbers, and where to go from there."""

from __future__ import annotations

from multidict import MultiMapping

from pipeline.browse.site import BrowsedCorpus, View
from pipeline.links.audit import SOURCE_COLUMNS, source_rows
from pipeline.views.status import corpus_status


def overview(site: BrowsedCorpus, query: MultiMapping[str], name: str) -> View:
    """Stages, fates of the pages, warnings; takes in what was built since."""
    site.refresh()
    stages = corpus_status(site.corpus)
    manifests = [stage.manifest for stage in stages if stage.manifest is not None]
    fates = site.catalogue.ask(
        "SELECT fate, count(*) AS n FROM pages GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    words = site.catalogue.ask("SELECT sum(words)::BIGINT AS n FROM pages WHERE fate = 'kept'")
    return View(
        "overview.html",
        {
            "title": "Overview",
            "stages": stages,
            "fates": [(row["fate"], row["n"]) for row in fates],
            "pages": sum(row["n"] for row in fates),
            "words": words[0]["n"] or 0,
            "source_columns": ("interval", *SOURCE_COLUMNS),
            "sources": [
                (manifest.interval, *row)
                for manifest in manifests
                for row in source_rows(manifest.audit)
            ],
            "warnings": [
                f"{manifest.stage} {manifest.interval}: {warning}"
                for manifest in manifests
                for warning in manifest.warnings
            ],
        },
    )
