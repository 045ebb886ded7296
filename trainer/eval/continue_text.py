"""`webtext generate`: continues prompts by a run's model."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from trainer.eval.generate import Sampling, generate
from trainer.run.distributed import pick_device
from trainer.run.run import Loaded, decoder, load_run

Say = Callable[[str], None]
#: Texts that are generated together: of GPT-2 124M, 16 hold 1.2 GB of keys and values in fp32.
_TEXTS = 16


def generate_text(
    run: str,
    prompts: list[str],
    new: int,
    sampling: Sampling,
    step: int | None,
    say: Say,
    samples: int = 1,
) -> list[dict[str, str]]:
    """`continue_prompts` with the model of a run."""
    loaded = load_run(run, pick_device("auto"), step, say)
    return continue_prompts(loaded, prompts, new, sampling, say, samples)


def continue_prompts(
    loaded: Loaded,
    prompts: list[str],
    new: int,
    sampling: Sampling,
    say: Say,
    samples: int = 1,
) -> list[dict[str, str]]:
    """Continues each prompt `samples` times, with the seeds from `sampling.seed` on.

    One text alone is streamed to `say` piece by piece; several are made together and come
    whole, each with its prompt and followed by an empty line.  Returns all: `prompt`, and
    `text`, which begins with it.
    """
    model = decoder(loaded)
    empty = [loaded.facts.end_token] if loaded.facts.end_token is not None else []
    encoded = [loaded.tokenizer.encode(prompt).ids or empty for prompt in prompts]
    wanted = [(ids, sampling.seed + n) for ids in encoded for n in range(samples)]
    named = [prompt for prompt in prompts for _ in range(samples)]
    whole: list[str] = []
    for first in range(0, len(wanted), _TEXTS):
        texts = [list(ids) for ids, _ in wanted[first : first + _TEXTS]]
        seeds = [seed for _, seed in wanted[first : first + _TEXTS]]
        steps = generate(model, texts, new, sampling, loaded.facts.end_token, seeds)
        if len(wanted) == 1:
            whole.append(_stream(loaded, texts[0], (column[0] for column in steps), say))
            break
        for tokens in steps:
            for n, token in tokens.items():
                texts[n].append(token)
        whole += [loaded.tokenizer.decode(text) for text in texts]
        for text in whole[first:]:
            say(f"{text}\n\n")
    return [{"prompt": prompt, "text": text} for prompt, text in zip(named, whole, strict=True)]


def _stream(loaded: Loaded, ids: list[int], tokens: Iterable[int], say: Say) -> str:
    """Says the prompt's and the new tokens' text as soon as its characters are whole.

    Returns the text.
    """
    shown, ids_so_far = "", list(ids)
    for token in tokens:
        ids_so_far.append(token)
        text = loaded.tokenizer.decode(ids_so_far)
        if not text.endswith("\ufffd"):  # half a character: wait for its other bytes
            say(text[len(shown) :])
            shown = text
    say("\n")
    return shown
