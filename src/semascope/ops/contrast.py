"""Training by contrast: what belongs together is drawn together, against everything else in the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semascope.errors import InputError, OptionError
from semascope.ops.door import integer, need
from semascope.ops.segments import want_width
from semascope.types import Array, Progress, States

_WARM = 0.1  # share of the steps over which the step size rises; it falls in a straight line after that
_DECAY = 0.01  # of the weights, a step, times the step size
_CLIP = 1.0  # longest gradient


def contrast(
    weights: Mapping[str, NDArray[np.float32]],
    forward: Callable[[Any, Mapping[str, Any], Sequence[Array]], Any],
    left: Sequence[Array],
    right: Sequence[Array],
    *,
    steps: int,
    batch: int,
    rate: float,
    temperature: float,
    seed: int,
    progress: Progress | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Weights under which left[i]'s row is nearer to right[i]'s than to any other right one of its batch.

    The loss is InfoNCE: minus log softmax over cosines divided by the temperature, of each left row among the right rows of
    its batch. AdamW. All randomness comes from `seed`, none from torch, so that its global state is neither read nor moved.

    Args:
        weights: Where to start.
        forward: Given torch, the weights as tensors and what stands for some texts: a tensor with one row each.
        left: What stands for each text that asks.
        right: What stands for each text's partner.
        steps: Batches seen; 0 gives the weights back.
        batch: Pairs a step, drawn without repeats until all were seen.
        rate: Largest step size.
        temperature: What cosines are divided by.
        seed: Of the order of pairs.
        progress: Called after every step.

    Raises:
        OptionError: an option is out of range.
        InputError: fewer than two pairs.
        MissingExtraError: torch is not installed.

    Source: van den Oord et al. (2018), "Representation Learning with Contrastive Predictive Coding", equation 4.
    """
    steps, batch = integer(steps, name="steps", least=0), integer(batch, name="batch", least=2)
    if rate <= 0 or temperature <= 0:
        raise OptionError(f"rate and temperature: want more than 0, got {rate} and {temperature}")
    if len(left) != len(right) or len(left) < 2:
        raise InputError(f"pairs: want at least 2, both of whose texts have tokens, got {len(left)}")
    if not steps:
        return dict(weights)
    torch = need("torch", extra="torch")
    tensors = {name: torch.tensor(value).requires_grad_() for name, value in weights.items()}
    optimiser = torch.optim.AdamW(tensors.values(), lr=rate, weight_decay=_DECAY)
    warm = max(1, round(_WARM * steps))
    with torch.enable_grad():
        for step, chosen in enumerate(_batches(len(left), min(batch, len(left)), steps, seed)):
            for group in optimiser.param_groups:
                group["lr"] = rate * min((step + 1) / warm, (steps - step) / max(1, steps - warm))
            rows = forward(torch, tensors, [side[i] for side in (left, right) for i in chosen])
            rows = torch.nn.functional.normalize(rows, dim=-1)
            scores = rows[: len(chosen)] @ rows[len(chosen) :].T / temperature
            loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(chosen)))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(tensors.values(), _CLIP)
            optimiser.step()
            if progress is not None:
                progress(step + 1, steps)
    return {name: np.ascontiguousarray(tensor.detach().numpy()) for name, tensor in tensors.items()}


def both_have_tokens(one: States, other: States) -> NDArray[np.bool_]:
    """Of which pairs (n,) both texts have tokens.

    Raises:
        InputError: the two do not hold equally many texts, of one width.
    """
    if len(one) != len(other):
        raise InputError(f"pairs: want as many partners as texts, got {len(one)} texts and {len(other)} partners")
    want_width(other, one.hidden.shape[-1])
    return (one.lengths > 0) & (other.lengths > 0)


def _batches(n: int, batch: int, steps: int, seed: int) -> list[list[int]]:
    """Places of the pairs of each step: orders of all pairs one after the other, cut into batches, never one pair twice."""
    rng = np.random.default_rng(seed)
    found: list[list[int]] = []
    while len(found) < steps:
        order = rng.permutation(n).tolist()
        found += [order[start : start + batch] for start in range(0, n - batch + 1, batch)]
    return found[:steps]
