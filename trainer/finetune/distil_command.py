"""What `webtext distil` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.store.errors import SettingError
from trainer.data.tokenizers import same_tokenizers
from trainer.finetune.augment import Augmentation, Augmenter
from trainer.finetune.command import fine_tuned_card, judge
from trainer.finetune.distil import TaskDistillation, TaskStudent
from trainer.finetune.saved import Saved, open_fine_tuned, save_fine_tuned
from trainer.finetune.vectors import Neighbours
from trainer.hf.open_encoder import open_encoder
from trainer.run.distributed import pick_device

Say = Callable[[str], None]


def distil(
    models: tuple[str, str],
    files: tuple[str, Sequence[str]],
    settings: TaskDistillation,
    words: Augmentation,
    out: str | None,
    say: Say,
) -> dict[str, float]:
    """Teaches `models[0]` what the fine-tuned `models[1]` says of `files[0]`.

    The best epoch is that of the first of `files[1]`; figures are of all of them.
    Raises SettingError where student, teacher and model have not one tokenizer.
    """
    student, teacher = models
    if words.copies and not words.model:
        raise SettingError(
            "Texts with other words need a masked language model",
            "Name it with --masked-model, or give --augment 0",
        )
    if out is not None and Path(out).resolve() in (Path(one).resolve() for one in models):
        raise SettingError(f"--out {out} is one of the models", "Choose another folder")
    device = pick_device("auto")
    saved = open_fine_tuned(teacher, device)
    examples = [example for _, example in saved.task.read(files[0], labelled=False)]
    if not examples:
        raise SettingError(f"{files[0]} has no examples", "Give another file")
    held_out = [saved.task.read_all(file) for file in files[1]]
    parts, tokenizer_file = open_encoder(student, device, say)
    _check_tokenizers(tokenizer_file, Path(teacher) / "tokenizer.json", student, teacher)
    learner = TaskStudent(parts, saved, settings)
    if words.copies:
        before = len(examples)
        examples = list(_augmenter(words, saved, tokenizer_file, say).examples(examples))
        say(f"{before:,} texts, {len(examples) - before:,} more with other words")
    best_on = held_out[0] if held_out else []
    model = learner.run(examples, best_on, saved.tokenizer, say)
    result = judge(model, saved.tokenizer, saved.task, dict(zip(files[1], held_out, strict=True)))
    if out is not None:
        card = fine_tuned_card(student, saved.name, files[0], result)
        task = saved.name, saved.task.columns
        save_fine_tuned(Path(out), model, tokenizer_file, task, result, card)
    return result


def _augmenter(words: Augmentation, saved: Saved, tokenizer: Path, say: Say) -> Augmenter:
    parts, theirs = open_encoder(words.model, pick_device("auto"), say)
    _check_tokenizers(tokenizer, theirs, "The student", words.model)
    if words.vectors is not None:
        near = Neighbours.of_file(words.vectors)
    else:
        near = Neighbours.of_encoder(saved.parts.model, saved.tokenizer)
    return Augmenter(parts, saved.tokenizer, near, words)


def _check_tokenizers(mine: Path, theirs: Path, student: str, teacher: str) -> None:
    if not same_tokenizers([mine, theirs]):
        raise SettingError(
            f"{student} and {teacher} have different tokenizers", "Take models of one vocabulary"
        )
