"""What `webtext what-if` prints."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.views.what_if import DocumentExample, OfLanguage, WhatIf


def render(result: WhatIf) -> str:
    """The difference as text."""
    n = result.documents
    share = 100 / max(n, 1)
    lines = [
        f"{n:,} documents: {result.kept_before:,} kept now ({result.kept_before * share:.1f} %), "
        f"{result.kept_after:,} with the change ({result.kept_after * share:.1f} %)"
    ]
    several = len(result.languages) > 1
    if several or any(not one.rules for one in result.languages):
        lines.append(_languages_line(result.languages))
    for title, changes in (("come in", result.come_in), ("leave", result.leave)):
        lines.append(f"\n{sum(change.documents for change in changes):,} {title}")
        for change in changes:
            limit = "" if change.threshold is None else f" {change.threshold:g}"
            where = f" ({_names(change.languages)})" if several else ""
            lines.append(f"  {change.documents:,} by {change.reason}{limit}{where}")
            lines += [_line(example) for example in change.examples]
    if result.passages_back:
        lines.append(f"\n{result.passages_back:,} get passages back from pages that leave")
    for nearest in result.nearest:
        where = f" ({_names(nearest.languages)})" if several else ""
        lines.append(f"\nnearest {nearest.rule.reason} {nearest.rule.threshold:g}{where}")
        lines += [_line(example) for example in nearest.examples]
    return "\n".join(lines)


def _languages_line(languages: Sequence[OfLanguage]) -> str:
    listed = [f"{one.language} {one.documents:,}" for one in languages if one.rules]
    unknown = [one for one in languages if not one.rules]
    line = f"rules by language: {', '.join(listed) or 'none'}"
    if not unknown:
        return line
    return (
        f"{line}; {sum(one.documents for one in unknown):,} documents in languages without "
        f"published values ({_names([one.language for one in unknown])})"
    )


def _names(languages: Sequence[str]) -> str:
    return ", ".join(language or "not known" for language in languages)


def _line(example: DocumentExample) -> str:
    value = "" if example.value is None else f"{example.value:.4g}  "
    return f"    {value}{example.url}"
