"""Opens exports by the transformers on the path, and says how far their scores are from ours.

    python tests/read_exports.py FOLDER

`FOLDER/exports.json` lists each export with its class; beside its files lies `want.safetensors`:
ids, segment types and mask of two pairs of texts (a decoder's: ids of one text), and our scores.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoTokenizer

PAIRS = (["The old man.", "He went."], ["He went to the sea and slept.", "To the sea."])
TEXT = "The old man went to the sea and slept."
INPUTS = ("input_ids", "token_type_ids", "attention_mask")
#: Of a class of transformers, where its scores are.
SCORES = ("prediction_logits", "start_logits", "logits")


@torch.no_grad()
def distance(folder: Path, name: str) -> float | str:
    model_class = getattr(transformers, name, None)
    if model_class is None:
        return "no class"
    want = load_file(folder / "want.safetensors")
    model, report = model_class.from_pretrained(folder, output_loading_info=True)
    missing = [key for key in report["missing_keys"] if not key.endswith("position_ids")]
    if missing or report["unexpected_keys"]:
        return f"other weights: {report}"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = (TEXT,) if "token_type_ids" not in want else PAIRS
    given: dict[str, Any] = dict(tokenizer(*texts, padding=len(texts) > 1, return_tensors="pt"))
    for key in set(given) & set(want):
        if not torch.equal(given[key], want[key]):
            return f"another {key}"
    mask = given["attention_mask"].bool()
    if "MultipleChoice" in name:
        given = {key: tensor[None] for key, tensor in given.items()}
    said = model.eval()(**given)
    scores = next(getattr(said, key) for key in SCORES if hasattr(said, key))
    if "MultipleChoice" in name:
        scores = scores.T
    if hasattr(said, "end_logits"):
        scores = torch.stack([scores, said.end_logits], dim=-1)
    off = (scores - want["scores"]).abs()
    return float(off[mask].max() if off.shape[:2] == mask.shape else off.max())


if __name__ == "__main__":
    home = Path(sys.argv[1])
    exports: dict[str, str] = json.loads((home / "exports.json").read_text())
    print(json.dumps({place: distance(home / place, name) for place, name in exports.items()}))
