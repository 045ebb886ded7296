"""The tasks of CORE (DCLM, Li et al. 2024) by their files, which nanochat's bundle has as well."""

from __future__ import annotations

from typing import Any

from trainer.eval.task import Item, Task, answer_in


class Core(Task):
    """A file of DCLM's: `query`, `choices`, `gold`; or `context_options`; or `continuation`."""

    def item(self, row: dict[str, Any]) -> Item:
        """A multiple choice, a schema (the choices differ in what stands before) or a text that
        has to be continued so, greedily.
        """
        if "choices" in row:
            return Item(row["query"].rstrip(), _spaced(row["choices"]), answer_in(row, "gold"))
        if "context_options" in row:
            contexts = tuple(context.rstrip() for context in row["context_options"])
            choices = _spaced([row["continuation"]]) * len(contexts)
            return Item("", choices, answer_in(row, "gold"), contexts=contexts)
        return Item(row["context"].strip(), _spaced([row["continuation"]]), 0)


def _spaced(choices: list[str]) -> tuple[str, ...]:
    """One space joins a choice to what stands before it, whatever the file has."""
    return tuple(choice.lstrip() for choice in choices)
