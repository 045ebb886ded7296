"""What `webtext finetune` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from pipeline.store.errors import SettingError
from trainer.data.tokenizers import read_tokenizer
from trainer.finetune.examples import Example, ExampleColumns
from trainer.finetune.metrics import figures
from trainer.finetune.predict import predict
from trainer.finetune.saved import save_fine_tuned
from trainer.finetune.task import FineTuningTask
from trainer.finetune.tasks import open_task
from trainer.finetune.train import FineTuning, fine_tune
from trainer.hf.open_encoder import open_encoder
from trainer.models.encoder import Encoder
from trainer.models.parts import Parts
from trainer.run.distributed import pick_device

Say = Callable[[str], None]


def finetune(
    source: str,
    task: tuple[str, ExampleColumns],
    files: tuple[str, Sequence[str]],
    settings: FineTuning,
    out: str | None,
    say: Say,
) -> dict[str, float]:
    """Trains on `files[0]` and judges on each of `files[1]`; figures by file and metric.

    With `out`, writes the model there, as transformers and `webtext predict` open it.
    """
    if out is not None and Path(out).resolve() == Path(source).resolve():
        raise SettingError(f"--out {out} is the model itself", "Choose another folder")
    device = pick_device("auto")
    asked = open_task(*task)
    train, *held_out = (asked.read_all(file) for file in (files[0], *files[1]))
    parts, tokenizer_file = open_encoder(source, device, say)
    tokenizer = read_tokenizer(tokenizer_file)
    model = fine_tune(parts, tokenizer, asked, train, settings, device, say)
    result = judge(model, tokenizer, asked, dict(zip(files[1], held_out, strict=True)))
    if out is not None:
        card = fine_tuned_card(source, task[0], files[0], result)
        save_fine_tuned(Path(out), model, tokenizer_file, task, result, card)
    return result


def judge(
    model: Parts[Encoder],
    tokenizer: Tokenizer,
    task: FineTuningTask,
    held_out: Mapping[str, Sequence[Example]],
) -> dict[str, float]:
    """Figures of a model by the names of files and metrics."""
    device = next(model.parameters()).device
    result: dict[str, float] = {}
    for file, examples in held_out.items():
        answers = predict(model, tokenizer, task, examples, device)
        predicted, truth = [one["predicted"] for one in answers], [e.label for e in examples]
        for name, value in figures(task.metrics, predicted, truth).items():
            result[f"{Path(file).stem} {name}"] = value
    return result


def fine_tuned_card(source: str, task: str, train: str, values: dict[str, float]) -> str:
    """The model card: what it is from, what it learned, how well."""
    rows = [f"| {name.replace('_', ' ')} | {value:.4f} |" for name, value in values.items()]
    names = Path(source).name, Path(train).name
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            "---",
            "",
            f"# {names[0]}, fine-tuned",
            "",
            f"Task `{task}`, trained with WebText on `{names[1]}`.",
            "",
            *(["| held out | |", "|---|---|", *rows, ""] if rows else []),
        ]
    )
