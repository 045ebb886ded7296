"""What the manifests of quality and corpus must say before they are written."""

from __future__ import annotations

from pipeline.quality.verdicts import WITHOUT_RULES
from pipeline.store.errors import WebtextError
from pipeline.store.manifest import Manifest


def something_kept(manifest: Manifest) -> Manifest:
    """Refuses a result without documents."""
    if manifest.counts.kept == 0:
        drops = sorted(manifest.counts.dropped.items(), key=lambda item: -item[1])
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in drops) or "there were none"
        raise WebtextError(
            f"Stage {manifest.stage} keeps none of {manifest.counts.seen:,} documents: {reasons}",
            "Relax the first reason's threshold in [quality], or look at the documents with "
            "`webtext show ROOT documents`",
        )
    return manifest


def with_warning(manifest: Manifest) -> Manifest:
    """Refuses a result without documents, and says of how many not all rules were asked."""
    something_kept(manifest)
    if not (documents := manifest.extra[WITHOUT_RULES]):
        return manifest
    warning = (
        f"{documents:,} of {manifest.counts.seen:,} documents are in languages without published "
        "values: rules that need a language were not applied to them. "
        "`webtext show ROOT verdicts --where \"rules = ''\"` lists them"
    )
    return manifest.model_copy(update={"warnings": [*manifest.warnings, warning]})
