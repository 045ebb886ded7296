"""The model card of an exported run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from huggingface_hub.repocard_data import EvalResult, ModelCardData

from trainer.run.log_lines import read_log
from trainer.run.run import Loaded


def model_card(loaded: Loaded) -> str:
    """Markdown: what the model is, which corpus it is from, how it did."""
    model, facts = loaded.recipe.model, loaded.facts
    name = loaded.objective.title
    parameters = sum(p.numel() for p in loaded.objective.parameters())
    lines = read_log(loaded.folder.log) if loaded.folder.log.exists() else []
    judged = [line for line in lines if "validation_loss" in line]
    result = judged[-1] if judged else {}
    rows = [
        f"| {key.removeprefix('validation_').replace('_', ' ')} | {value:.4f} |"
        for key, value in result.items()
        if key != "step"
    ]
    consumed = loaded.checkpoint.consumed * model.context
    return "\n".join(
        [
            "---",
            _front(loaded, name, result),
            "---",
            "",
            f"# {name} of {parameters / 1e6:,.1f} million parameters",
            "",
            f"{model.layers} layers, width {model.width}, {model.heads} heads, "
            f"context {model.context}, vocabulary {model.vocab:,}. "
            f"Trained with WebText for {loaded.checkpoint.step:,} steps, {consumed:,} tokens.",
            "",
            f"- Corpus fingerprint: `{facts.fingerprint}`",
            f"- Tokenizer (sha256 of tokenizer.json): `{facts.tokenizer}`",
            f"- Recipe digest: `{loaded.recipe.digest()}`",
            "",
            f"## Evaluation after step {result['step']:,}" if result else "## Evaluation",
            "",
            *(["| validation | |", "|---|---|", *rows] if rows else ["None was run."]),
            "",
        ]
    )


def _front(loaded: Loaded, name: str, result: Mapping[str, Any]) -> str:
    """What model hubs read, in the names of the Hugging Face Hub."""
    task = loaded.objective.pipeline_tag
    measured = [
        EvalResult(
            task_type=task,
            dataset_type="webtext",
            dataset_name="validation split of the corpus",
            dataset_revision=loaded.facts.fingerprint,
            metric_type=key.removeprefix("validation_"),
            metric_value=value,
        )
        for key, value in result.items()
        if key != "step"
    ]
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag=task,
        tags=["webtext"],
        model_name=name,
        eval_results=measured or None,
    )
    return data.to_yaml()
