"""The trainer's subcommands of `webtext`.  torch is imported when one of them runs."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipeline.store.errors import SettingError, WebtextError
from pipeline.store.result import ANSWER_IS_NO, Result

RunArgument = Annotated[str, typer.Argument(help="The folder of a run: runs/NAME")]
ModelsArgument = Annotated[str, typer.Argument(help="The folder of exported models")]
StepOption = Annotated[int | None, typer.Option(help="The checkpoint of this step, not the last")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Overrides a setting: --set train.steps=500"),
]
DevOption = Annotated[list[str] | None, typer.Option(help="Examples to judge; repeatable")]
ModelOption = Annotated[str | None, typer.Option(help="Where the fine-tuned model is written")]


def add_commands(app: typer.Typer) -> None:
    """Registers the trainer's subcommands, and `plan train`."""
    app.command()(train)
    app.command("eval")(evaluate)
    app.command()(generate)
    app.command()(export)
    app.command()(compare)
    app.command("publish-model")(publish_model)
    app.command()(finetune)
    app.command()(predict)
    app.command()(distil)
    app.command()(trace)
    plans = next(group.typer_instance for group in app.registered_groups if group.name == "plan")
    assert plans is not None
    plans.command("train")(plan_train)


def report_run(folder: str) -> str | None:
    """Writes the page of a training run and returns its place; None for another folder."""
    if not (Path(folder) / "run.json").is_file():  # trainer.run.run imports torch
        return None
    from trainer.run.report import write_run_report
    from trainer.run.run import RunFolder

    return write_run_report(RunFolder(Path(folder)))


def plan_train(
    recipe: Annotated[str, typer.Argument(help="A TOML file, or the name of a bundled recipe")],
    data: Annotated[str | None, typer.Option(help="ROOT/tokens/NAME, to count epochs")] = None,
    settings: SetOption = None,
    gpus: Annotated[int, typer.Option(min=1, help="Number of GPUs")] = 1,
    gpu: Annotated[
        str, typer.Option(help="The GPU, by the name that its driver gives")
    ] = "NVIDIA H100 80GB HBM3",
    mfu: Annotated[float, typer.Option(min=0.001, max=1, help="Share of the peak reached")] = 0.4,
) -> Result:
    """Parameters, tokens, FLOPs, hours and memory of a recipe, and how to shard it."""
    from trainer.plan.describe import describe_plan
    from trainer.plan.plan import Hardware, plan_run

    hardware = Hardware(gpus=gpus, name=gpu, mfu=mfu)
    plan = plan_run(recipe, settings or [], data, hardware)
    for line in describe_plan(plan, hardware):
        typer.echo(line)
    return Result(asdict(plan))


def train(
    recipe: Annotated[str, typer.Argument(help="A TOML file, or the name of a bundled recipe")],
    data: Annotated[str, typer.Option(help="Token shards: ROOT/tokens/NAME")],
    settings: SetOption = None,
    out: Annotated[str | None, typer.Option(help="The run's folder; default runs/RECIPE")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of the run in --out")
    ] = False,
    auto_resume: Annotated[
        bool, typer.Option("--auto-resume", help="Go on where there is a run, else start one")
    ] = False,
) -> Result | None:
    """Train a model on the shards of a corpus."""
    _need_torch()
    from trainer.loop.train import train as train_run

    if resume and auto_resume:
        raise SettingError("--resume and --auto-resume exclude each other", "Give one of the two")
    start: Literal["new", "resume", "auto"] = "auto" if auto_resume else "new"
    folder = train_run(recipe, data, settings or [], out, "resume" if resume else start)
    if folder is None:
        return None
    typer.echo(f"Trained {folder}.")
    return Result({"run": folder})


def evaluate(
    run: RunArgument,
    data: Annotated[str | None, typer.Option(help="Other shards than the run's own")] = None,
    step: StepOption = None,
    task: Annotated[
        str | None, typer.Option(help="A task by name (blimp, hellaswag, arc, …); needs --file")
    ] = None,
    file: Annotated[str, typer.Option(help="The task's items")] = "",
    shots: Annotated[int, typer.Option(min=0, help="Solved examples before each item")] = 0,
    template: Annotated[
        str, typer.Option(help="How a solved example is written")
    ] = "{context} {answer}",
    normalise: Annotated[
        Literal["none", "bytes", "tokens", "unconditional"],
        typer.Option(help="What a choice's log-likelihood is divided by"),
    ] = "none",
    limit: Annotated[int, typer.Option(min=0, help="Only the first items; 0 for all")] = 0,
) -> Result | None:
    """Validation loss, perplexity and bits per byte of a run, or its accuracy on a task."""
    _need_torch()
    from trainer.eval.evaluate import evaluate_run, judge_run
    from trainer.eval.few_shot import FewShot
    from trainer.run.distributed import speaks

    if task is None:
        result = evaluate_run(run, data, step, _note)
    else:
        few = FewShot(shots=shots, template=template, normalise=normalise)
        result = judge_run(run, task, file, few, limit, step, _note)
    if not speaks():
        return None
    for name, value in result.items():
        typer.echo(f"{name.replace('_', ' ')}: {value:.4f}")
    return Result(result)


def generate(
    run: RunArgument,
    prompt: Annotated[list[str] | None, typer.Option(help="May be given more than once")] = None,
    tokens: Annotated[int, typer.Option(min=1, help="New tokens at most")] = 200,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest token")] = 0.8,
    top_k: Annotated[int, typer.Option(help="Only the k likeliest; 0 for all")] = 0,
    top_p: Annotated[float, typer.Option(help="Only the likeliest of this much in all")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed, another text")] = 0,
    samples: Annotated[int, typer.Option(min=1, help="Texts for each prompt")] = 1,
    step: StepOption = None,
) -> Result:
    """Continue prompts: one as it comes, several together."""
    _need_torch()
    from trainer.eval.continue_text import generate_text
    from trainer.eval.generate import Sampling

    sampling = Sampling(temperature, top_k, top_p, seed)
    texts = generate_text(run, prompt or [""], tokens, sampling, step, _piece, samples)
    return Result({"texts": texts})


def export(
    run: RunArgument,
    folder: Annotated[str, typer.Argument(help="Where the model goes")],
    step: StepOption = None,
    by_step: Annotated[
        bool, typer.Option("--by-step", help="Into FOLDER/RUN-STEP, as publish-model wants it")
    ] = False,
    push: Annotated[
        str | None, typer.Option(help="Also send it to the Hugging Face Hub: hf://USER/NAME")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="With --push: a new repository is for its owner alone")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --push: only say what would be sent")
    ] = False,
) -> Result:
    """Write the model in Hugging Face's format: weights, config, tokenizer, model card."""
    _need_torch()
    from pipeline.store.hub import describe, hub_address
    from trainer.hf.export import export_run, push_model

    if push is None and (private or dry_run):
        option = "--private" if private else "--dry-run"
        raise SettingError(f"{option} is of a push", "Say with --push where the model goes")
    address = hub_address(push, "model") if push else None
    if by_step:
        from trainer.eval.publish import model_folder

        folder, step = model_folder(run, folder)
    written = export_run(run, folder, step, _note)
    typer.echo(f"Exported {run} to {folder}.")
    answer: dict[str, Any] = {"run": run, "model": folder}
    if address:
        pushed = push_model(
            folder, written, address, private=private, dry_run=dry_run, say=typer.echo
        )
        for line in describe(pushed):
            typer.echo(line)
        answer["pushed"] = asdict(pushed)
    return Result(answer)


def compare(
    run: RunArgument,
    models: ModelsArgument,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Nats a token by which it may be worse")
    ] = 0.0,
) -> Result:
    """Is a run as good as the published one on its validation text? Exit code 3 says no."""
    _need_torch()
    from trainer.eval.publish import compare as compare_runs

    answer = compare_runs(run, models, tolerance, _note)
    typer.echo(f"{answer}.")
    losses = {"loss": answer.loss, "published_loss": answer.published_loss, "worse": answer.worse}
    return Result(losses, ANSWER_IS_NO if answer.worse else 0)


def publish_model(run: RunArgument, models: ModelsArgument) -> Result:
    """Name the exported model of a run in MODELS/PUBLISHED.json, by which others find it."""
    _need_torch()
    from trainer.eval.publish import publish_model as publish

    published = publish(run, models)
    typer.echo(f"Published {published.model}.")
    return Result(asdict(published))


def finetune(
    source: Annotated[str, typer.Argument(help="A run, or a folder in Hugging Face's format")],
    train: Annotated[str, typer.Option(help="Examples: JSON lines, CSV, TSV, Parquet")],
    dev: DevOption = None,
    task: Annotated[
        str, typer.Option(help="classification, regression, multiple-choice, spans, cola, piqa, …")
    ] = "classification",
    text: Annotated[str, typer.Option(help="Column of the text")] = "sentence",
    pair: Annotated[str, typer.Option(help="Column of a second text, if any")] = "",
    label: Annotated[str, typer.Option(help="Column of the label")] = "label",
    choices: Annotated[str, typer.Option(help="Column of the choices")] = "choices",
    lr: Annotated[float, typer.Option(help="Rate of the head")] = 1e-4,
    layer_decay: Annotated[float, typer.Option(help="Each layer's rate over the next's")] = 0.8,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the examples")] = 3,
    batch: Annotated[int, typer.Option(min=1, help="Examples a step")] = 32,
    seed: Annotated[int, typer.Option(help="Another seed, another model")] = 1,
    out: ModelOption = None,
) -> Result:
    """Fine-tune an encoder: classes, numbers, choices or spans; figures with 95 % bounds."""
    _need_torch()
    from trainer.finetune.command import finetune as run
    from trainer.finetune.examples import ExampleColumns
    from trainer.finetune.train import FineTuning

    settings = FineTuning(lr=lr, layer_decay=layer_decay, epochs=epochs, batch=batch, seed=seed)
    columns = ExampleColumns(text, pair, label, choices)
    return _told(run(source, (task, columns), (train, dev or []), settings, out, _note), out)


def predict(
    model: Annotated[str, typer.Argument(help="The --out of a fine-tuning")],
    file: Annotated[str, typer.Argument(help="Rows: JSON lines, CSV, TSV, Parquet, or .txt")],
    out: Annotated[str, typer.Option(help="Predictions: .jsonl, .csv or .parquet")],
    keep: Annotated[
        list[str] | None, typer.Option(help="A column of FILE to write beside; repeatable")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column of the text, if another")] = None,
    pair: Annotated[str | None, typer.Option(help="Column of a second text, if another")] = None,
    choices: Annotated[str | None, typer.Option(help="Column of the choices, if another")] = None,
) -> Result:
    """Labels and scores by a fine-tuned model, for each row of a file."""
    _need_torch()
    from trainer.finetune.predict import predict_file
    from trainer.finetune.saved import open_fine_tuned
    from trainer.run.distributed import pick_device

    device = pick_device("auto")
    saved = open_fine_tuned(model, device, text=text, pair=pair, choices=choices)
    rows = predict_file(saved, file, out, keep or [], device)
    typer.echo(f"Wrote {rows:,} predictions to {out}.")
    return Result({"rows": rows, "predictions": out})


def distil(
    student: Annotated[str, typer.Argument(help="A run, or a folder in Hugging Face's format")],
    teacher: Annotated[str, typer.Argument(help="A fine-tuned model: the --out of a fine-tuning")],
    train: Annotated[str, typer.Option(help="Texts as the teacher read them; labels are not read")],
    dev: DevOption = None,
    augment: Annotated[int, typer.Option(min=0, help="Texts with other words of each")] = 20,
    masked_model: Annotated[str, typer.Option(help="Finds other words: a run of BERT")] = "",
    vectors: Annotated[str | None, typer.Option(help="GloVe's file, for rarer words")] = None,
    layer_epochs: Annotated[int, typer.Option(min=0, help="Passes that teach the layers")] = 10,
    epochs: Annotated[int, typer.Option(min=1, help="Passes that teach the scores")] = 3,
    layer_lr: Annotated[float, typer.Option(help="Rate of the layers' passes")] = 5e-5,
    lr: Annotated[float, typer.Option(help="Rate of the scores' passes")] = 3e-5,
    seed: Annotated[int, typer.Option(help="Another seed, another student")] = 1,
    out: ModelOption = None,
) -> Result:
    """Teach a small encoder what a fine-tuned one says (TinyBERT's task stage)."""
    _need_torch()
    from trainer.finetune.augment import Augmentation
    from trainer.finetune.distil import TaskDistillation
    from trainer.finetune.distil_command import distil as run

    settings = TaskDistillation(layer_epochs, layer_lr, epochs, lr, seed=seed)
    words = Augmentation(augment, seed=seed, model=masked_model, vectors=vectors)
    return _told(run((student, teacher), (train, dev or []), settings, words, out, _note), out)


def trace(
    run: RunArgument,
    step: Annotated[int, typer.Option(help="A step of the run, counted from 1")],
    sample: Annotated[int | None, typer.Option(help="Only this sample of it")] = None,
) -> Result:
    """The documents whose text was in a step: sample, id, tokens, url, where it was posted."""
    _need_torch()
    from trainer.run.run import RunFolder
    from trainer.run.trace import trace as trace_step

    sources = trace_step(RunFolder(Path(run)), step, sample)
    for source in sources:
        links = "; ".join(source.links)
        typer.echo(f"{source.sample}\t{source.id}\t{source.tokens}\t{source.url}\t{links}")
    return Result({"sources": sources})


def _told(figures: dict[str, float], out: str | None) -> Result:
    for name, value in figures.items():
        typer.echo(f"{name.replace('_', ' ')}: {value:.4f}")
    return Result({"figures": figures, "model": out})


def _piece(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _note(text: str) -> None:
    typer.echo(text, err=True)


def _need_torch() -> None:
    """Raises WebtextError where the packages of the trainer's extra are not installed."""
    # Threads that spin at each barrier cost most of the speed where cores are shared; the
    # OpenMP library reads this when torch loads it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for package in ("torch", "safetensors", "tensorboard"):
        if importlib.util.find_spec(package) is None:
            raise WebtextError(
                f"Training needs {package}, which is not installed", "pip install 'webtext[train]'"
            )
