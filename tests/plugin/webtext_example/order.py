"""A task: which of two orders of the same words is a sentence?"""

from __future__ import annotations

from typing import Any

from trainer.eval.task import Item, Task


class Order(Task):
    """Rows with `right` and `wrong`, two sentences."""

    def item(self, row: dict[str, Any]) -> Item:
        """The right one comes first; a context there is none."""
        return Item("", (row["right"], row["wrong"]), 0)
