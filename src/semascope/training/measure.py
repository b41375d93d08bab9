"""What a small model can do on texts it was never trained on, beside what counting tokens gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from semascope.ops import need
from semascope.training.loop import Trainer
from semascope.training.plans import Plan
from semascope.training.tokenizing import END
from semascope.training.windows import IGNORED, TEMPLATES, DenoisingWindows, Windows, pieces, windows

_BATCHES = 12
_COUNTED = 200  # batches whose labels are counted
_SAID = 64  # held-out pieces that a causal model is to say again


def measured(plan: Plan, trainer: Trainer, tokenizer: Any, held_out: Sequence[str]) -> dict[str, float]:
    """Held-out loss in nats per token asked for, its perplexity, the same of a unigram model, and what the plan adds.

    `loss` and `unigram_loss` are over the same labels. A causal model is measured on ordinary windows alone; where it
    trained on repetitions, `copied` is the share of tokens of a text's second saying that it gives rightly (the first token, which
    nothing foretells, apart) and `copied_first` that of the first saying.
    """
    torch = need("torch", extra="hf")
    from dataclasses import replace

    plain = replace(plan, repeated=0.0)
    counts = _counts(trainer.windows, tokenizer)
    # Few held-out texts may not fill the windows of training: shorter ones then.
    try:
        seen = windows(plain, tokenizer, held_out, 0)
    except ValueError:
        seen = windows(replace(plain, window=8), tokenizer, [*held_out] * 8, 0)
    trainer.model.eval()
    losses: list[float] = []
    unigrams: list[float] = []
    weights: list[int] = []
    with torch.no_grad():
        for step in range(_BATCHES):
            batch = seen.batch(step)
            labels = batch["labels"][batch["labels"] != IGNORED]
            losses.append(float(trainer.loss(batch)))
            unigrams.append(float(-counts[labels].mean()))
            weights.append(len(labels))
        loss, unigram = (float(np.average(x, weights=weights)) for x in (losses, unigrams))
        found = {
            "loss": loss,
            "perplexity": math.exp(min(loss, 50.0)),
            "unigram_loss": unigram,
            "unigram_perplexity": math.exp(unigram),
        }
        if plan.repeated:
            found |= _copying(plan, trainer, tokenizer, held_out)
    trainer.model.train()
    return {name: round(value, 4) for name, value in found.items()}


def _counts(seen: Windows, tokenizer: Any) -> Any:
    """Log share of every token among those asked for in training, each counted once more than it was seen."""
    if isinstance(seen, DenoisingWindows):  # which also asks for the names of spans
        labels = np.concatenate([seen.batch(step)["labels"].ravel() for step in range(_COUNTED)])
        counts = np.bincount(labels[labels != IGNORED], minlength=tokenizer.get_vocab_size()).astype(np.float64) + 1
        return np.log(counts / counts.sum())
    counts = np.bincount(seen.tokens.flat, minlength=tokenizer.get_vocab_size()).astype(np.float64) + 1
    end = tokenizer.token_to_id(END)
    if end is not None:
        counts[end] += len(seen.tokens)
    return np.log(counts / counts.sum())


def _copying(plan: Plan, trainer: Trainer, tokenizer: Any, held_out: Sequence[str]) -> dict[str, float]:
    torch = need("torch", extra="hf")
    right = {"copied": 0, "copied_first": 0}
    asked = 0
    lines = [line for line in pieces(held_out) if 5 <= len(line.split()) <= plan.window // 4][:_SAID]
    for place, line in enumerate(lines):
        head, middle = TEMPLATES[place % len(TEMPLATES)].split("{x}")[:2]
        first = tokenizer.encode(head + line, add_special_tokens=False).ids
        whole = tokenizer.encode(head + line + middle + line, add_special_tokens=False).ids
        ids = torch.tensor([whole], device=trainer.machine.device)
        guess = trainer.model(input_ids=ids, use_cache=False).logits[0, :-1].argmax(-1).tolist()
        said = [g == t for g, t in zip(guess, whole[1:], strict=True)]
        length = len(tokenizer.encode(line, add_special_tokens=False).ids) - 1
        right["copied"] += sum(said[-length:])
        right["copied_first"] += sum(said[len(first) - 1 - length : len(first) - 1])
        asked += length
    return {name: value / asked for name, value in right.items()} if asked else {}
