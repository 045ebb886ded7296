"""The other commands on a trained run, and what a user may get wrong."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_server import Hub
from huggingface_hub import ModelCard
from token_corpora import numbered_corpus
from trainer_runs import SMALL, train_arguments, webtext

from pipeline.cli import main
from pipeline.store.errors import SettingError, WebtextError
from pipeline.tokens.megatron import IndexedDataset
from trainer.cli import _need_torch
from trainer.data.shard_set import find_shards
from trainer.data.stream import Stream
from trainer.eval.evaluate import evaluate_run, judge_run
from trainer.eval.few_shot import FewShot
from trainer.hf.export import export_run
from trainer.hf.folder import load_parts
from trainer.loop.loop import Trainer
from trainer.loop.train import train
from trainer.run.distributed import pick_device
from trainer.run.report import write_run_report
from trainer.run.run import RunFolder, load_run
from trainer.run.trace import trace


def overrides(**settings: object) -> list[str]:
    chosen = SMALL | {"train.steps": 25} | {k.replace("__", "."): v for k, v in settings.items()}
    return [f"{name}={value}" for name, value in chosen.items()]


@pytest.fixture(scope="module")
def run(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("commands") / "run"
    settings = overrides(eval__every=10, log__tensorboard="true", train__loss_chunk=100)
    train("gpt2-tiny", str(tokens), settings, str(out), "new")
    return out


def test_a_step_leads_back_to_its_addresses(tokens: Path, run: Path) -> None:
    sources = trace(RunFolder(run), 3, None)
    shards = find_shards(str(tokens))
    stream = Stream(shards, "train", 64, RunFolder(run).recipe().data.seed)
    assert {s.sample for s in sources} == set(range(16, 24))
    for sample in range(16, 24):
        mine = [s for s in sources if s.sample == sample]
        assert sum(s.tokens for s in mine) == 65
        row = stream.batch(sample, 1)[0].tolist()
        first = mine[0].url.removeprefix("https://example.org/").split("/")
        prefix = next(p for p in shards.train if p.endswith(first[0]))
        document = IndexedDataset(prefix).document(int(first[1])).tolist()
        piece = row[: mine[0].tokens]
        assert any(document[n : n + len(piece)] == piece for n in range(len(document)))


def test_trace_refuses_what_is_not_there(run: Path) -> None:
    for step, sample in ((0, None), (26, None), (3, 2)):
        with pytest.raises(SettingError):
            trace(RunFolder(run), step, sample)


def test_the_log_has_a_line_a_step_and_tensorboard_its_files(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 26))
    assert [line["first_sample"] for line in steps] == list(range(0, 200, 8))
    assert all(line["tokens_per_second"] > 0 and line["mfu"] > 0 for line in steps)
    assert [line["step"] for line in lines if "validation_loss" in line] == [10, 20, 25]
    assert list((run / "tensorboard").iterdir())


def test_the_report_shows_the_curves(run: Path) -> None:
    page = Path(write_run_report(RunFolder(run))).read_text()
    assert page.count("<polyline") == 7 and "validation bits per byte" in page
    assert "step-00000025" in page and "<script" not in page
    with pytest.raises(WebtextError, match="holds no run"):
        write_run_report(RunFolder(run / "nowhere"))


def test_export_opens_again_and_its_card_names_the_corpus(run: Path, tmp_path: Path) -> None:
    export_run(str(run), str(tmp_path / "out"), None, print)
    loaded = load_run(str(run), pick_device("cpu"), None, print)
    model = load_parts(tmp_path / "out").model
    assert model.settings.vocab == 1024 and model.settings.layers == 2
    mine = dict(loaded.objective.model.named_parameters())
    assert all((mine[name] == other).all() for name, other in model.named_parameters())
    card = (tmp_path / "out" / "README.md").read_text()
    assert loaded.facts.fingerprint in card and "| perplexity |" in card


def test_what_was_exported_is_pushed_and_nothing_beside_it(
    run: Path, tmp_path: Path, hub: Hub
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.env").write_text("PASSWORD=secret")
    push = ("export", str(run), str(out), "--push", "hf://me/tiny")
    for arguments, there in (((*push, "--dry-run"), []), (push, ["me/tiny"])):
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        assert (ended.value.code, [*hub.files]) == (0, there)
    files = hub.files["me/tiny"]
    assert set(files) == {path.name for path in out.iterdir()} - {"notes.env"}
    assert files["model.safetensors"] == (out / "model.safetensors").read_bytes()
    data = ModelCard(files["README.md"].decode()).data
    assert (data.library_name, data.pipeline_tag) == ("transformers", "text-generation")
    metrics = {result.metric_type: result.metric_value for result in data.eval_results}
    assert metrics["perplexity"] > 1 and "loss" in metrics


def test_a_run_starts_from_exported_weights(run: Path, tokens: Path, tmp_path: Path) -> None:
    export_run(str(run), str(tmp_path / "weights"), None, print)
    settings = overrides(
        train__init=f'"{tmp_path / "weights"}"',
        train__steps=20,
        optim__lr=1e-9,
        optim__muon_lr=1e-9,
    )
    train("gpt2-tiny", str(tokens), settings, str(tmp_path / "run"), "new")
    before, after = (evaluate_run(str(p), None, None, print) for p in (run, tmp_path / "run"))
    assert after["loss"] == pytest.approx(before["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model__layers": 1}, "model.layers = 1 in the run, 2 in"),
        ({"model__heads": 4}, "model.heads = 4 in the run, 2 in"),
        ({"model__eps": 1e-3}, "model.eps = 0.001 in the run, 1e-05 in"),
        ({"model__tied": "false"}, "model.tied = False in the run, True in"),
    ],
)
def test_weights_of_another_model_start_no_run(
    run: Path, tokens: Path, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    export_run(str(run), str(tmp_path / "weights"), None, print)
    settings = overrides(train__init=f'"{tmp_path / "weights"}"', **changed)
    with pytest.raises(SettingError, match=said):
        train("gpt2-tiny", str(tokens), settings, str(tmp_path / "run"), "new")


def test_foreign_shards_are_not_evaluated(run: Path, tmp_path: Path) -> None:
    """Another order of merges, as many tokens: each id stands for other text."""
    tokenizer = json.loads((run / "tokenizer.json").read_text())
    tokenizer["model"]["merges"].reverse()
    other = numbered_corpus(tmp_path, [900], tokenizer=json.dumps(tokenizer), split="validation")
    with pytest.raises(SettingError, match="have another tokenizer than"):
        evaluate_run(str(run), str(other), None, print)


def test_a_task_is_judged(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    rows = [{"question": f"{n}?", "answer": "yes", "choices": ["yes", "no"]} for n in range(8)]
    file.write_text("\n".join(map(json.dumps, rows)))
    few = FewShot(shots=2, normalise="unconditional")
    result = judge_run(str(run), "qa", str(file), few, 5, None, print)
    assert result["accuracy"] in {n / 5 for n in range(6)}


@pytest.mark.parametrize("attention", ["dense", "gpt3"])
def test_document_masks_bands_and_recomputation_train(
    tokens: Path, tmp_path: Path, attention: str
) -> None:
    settings = overrides(
        model__attention=attention, model__band=16, model__document_mask="true",
        model__dropout=0.1, train__recompute="true", train__steps=21, guard__z=7,
    )  # fmt: skip
    out = tmp_path / "run"
    train("gpt2-tiny", str(tokens), settings, str(out), "new")
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert lines[20]["loss"] < lines[0]["loss"] - 0.3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model__heads": 5}, "heads = 5 must divide width = 64; try 4"),
        ({"model__layer": 5}, "unknown key model.layer. Known here"),
        ({"model__vocab": 999}, "model.vocab = 999, but the shards' tokenizer has 1024 tokens"),
        ({"schedule__warmup": 400}, "schedule.warmup"),
        ({"train__batch_start": 4}, "batch_start and batch_warmup go together"),
        ({"train__device": '"gpux"'}, "train.device"),
        ({"model__context": 9_000_000}, "less than one sample"),
        ({"train__init": '"/nowhere"'}, "holds no model"),
    ],
)
def test_wrong_settings_say_what_to_change(
    tokens: Path, tmp_path: Path, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(WebtextError, match=said.replace(".", r"\.")):
        train("gpt2-tiny", str(tokens), overrides(**wrong), str(tmp_path / "run"), "new")


def test_an_error_is_one_line_with_its_exit_code(tokens: Path, tmp_path: Path) -> None:
    said = webtext(*train_arguments(tokens, tmp_path / "run", model__heads=5), code=2)
    assert len(said.strip().splitlines()) == 1 and "must divide width" in said
    assert not (tmp_path / "run").exists()


def test_steps_that_are_no_numbers_stop_the_run(
    tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = overrides(optim__lr=1e30, optim__name='"adamw"', guard__patience=2)
    with pytest.raises(WebtextError, match=r"2 steps in a row .* lower optim\.lr"):
        train("gpt2-tiny", str(tokens), settings, str(tmp_path / "run"), "new")
    assert "was skipped: loss or gradient out of line in samples" in capsys.readouterr().err


def test_spikes_are_skipped_and_named_and_the_run_goes_on(
    tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still = {"optim__lr": 1e-9, "optim__muon_lr": 1e-9, "train__batch": 1}  # the losses only vary
    settings = overrides(guard__z=0.5, guard__window=8, guard__patience=50, **still)
    out = tmp_path / "run"
    train("gpt2-tiny", str(tokens), settings, str(out), "new")
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    skipped = [line for line in lines if line.get("skipped")]
    assert skipped and skipped[0]["step"] > 8 and lines[-1]["step"] == 25
    step, sample = skipped[0]["step"], skipped[0]["first_sample"]
    said = f"step {step} was skipped: loss or gradient out of line in samples {sample} to {sample} "
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("wanted", ["gpu", "cpu"])
@pytest.mark.parametrize(
    ("micro", "remedy"), [(4, r"train\.micro_batch=2"), (1, r"train\.recompute=true")]
)
def test_out_of_memory_says_what_to_set(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, micro: int,
    remedy: str,
) -> None:  # fmt: skip
    def exhausted(_: object) -> None:
        if wanted == "gpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        torch.empty(2**55)

    monkeypatch.setattr(Trainer, "run", exhausted)
    settings = overrides(train__micro_batch=micro)
    with pytest.raises(WebtextError, match=f"cpu ran out of memory at {micro} sequences.*{remedy}"):
        train("gpt2-tiny", str(tokens), settings, str(tmp_path / "run"), "new")


def test_a_compiled_run_is_the_uncompiled(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it traced forward and backward, in bf16; PyTorch's own operators run the graphs."""
    traced = functools.partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(torch, "compile", traced)
    settings = [*overrides(train__steps=5, train__precision="bf16", schedule__warmup=1)]
    losses = []
    for number, compiling in enumerate(("off", "on")):
        out, chosen = tmp_path / str(number), [*settings, f"train.compile={compiling}"]
        train("gpt2-tiny", str(tokens), chosen, str(out), "new")
        lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
        losses.append([line["loss"] for line in lines if "loss" in line])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3) and len(losses[0]) == 5


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WebtextError, match=r"needs torch.*pip install 'webtext\[train\]'"):
        _need_torch()
