"""Attention among ragged texts, by whichever way it is computed, against its formula."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from semascope.backbones.architecture import Architecture

torch = pytest.importorskip("torch")

from semascope.backbones.torch_attention import Packed, Ragged, varlen  # noqa: E402

A = Architecture(
    kind="test",
    depth=2,
    width=16,
    heads=4,
    kv_heads=2,
    head_dim=8,
    inner=8,
    vocabulary=9,
    causal=False,
    reach=3,
    local_layers=(1,),
)
LENGTHS = np.array([0, 1, 5, 5, 9, 140, 300])


def parts(dtype: Any = torch.float32) -> list[Any]:
    total = int(LENGTHS.sum())
    made = torch.Generator().manual_seed(0)
    shapes = (total, 4, 8), (total, 2, 8), (total, 2, 8)
    return [torch.randn(shape, generator=made).to(dtype) for shape in shapes]


def by_formula(q: Any, k: Any, v: Any, *, causal: bool, reach: int | None) -> np.ndarray:
    """Every text alone, in float64: softmax(q k' / root of columns) v over what may be seen."""
    q, k, v = (x.double().numpy() for x in (q, k, v))
    out = np.zeros((len(q), 4, 8))
    ends = np.cumsum(LENGTHS)
    for start, stop in zip(ends - LENGTHS, ends, strict=True):
        place = np.arange(stop - start)
        apart = place[None, :] - place[:, None]
        seen = np.ones(apart.shape, bool)
        if causal:
            seen &= apart <= 0
        if reach is not None:
            seen &= np.abs(apart) <= reach
        for head in range(4):
            scores = q[start:stop, head] @ k[start:stop, head // 2].T / np.sqrt(8)
            scores = np.where(seen, scores, -np.inf)
            odds = np.exp(scores - scores.max(1, keepdims=True)) if len(place) else scores
            out[start:stop, head] = odds / odds.sum(1, keepdims=True) @ v[start:stop, head // 2]
    return out.reshape(len(q), 32)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("block", [0, 1])
@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 2e-6), ("bfloat16", 3e-2)])
def test_every_way_gives_what_the_formula_gives(causal: bool, block: int, kind: str, tolerance: float) -> None:
    given = parts(getattr(torch, kind))
    ours = Ragged(A, LENGTHS, causal)(block, *given).float().numpy()
    np.testing.assert_allclose(ours, by_formula(*given, causal=causal, reach=3 if block else None), atol=tolerance)


def kernel(
    q: Any, k: Any, v: Any, bounds: Any, other: Any, longest: int, also: int, *, scale: float, window_size: Any
) -> Any:
    """What torch documents of its accelerator kernel, text by text: (-1, 0) causal, (left, right) at most so far."""
    assert longest == also == LENGTHS.max()
    assert torch.equal(bounds, other)
    left, right = window_size
    out = torch.empty_like(q)
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        place = torch.arange(stop - start)
        apart = place[None, :] - place[:, None]
        seen = torch.ones_like(apart, dtype=torch.bool)
        if left >= 0:
            seen &= apart >= -left
        if right >= 0:
            seen &= apart <= right
        scores = torch.einsum("qhd,khd->hqk", q[start:stop], k[start:stop]) * scale
        odds = scores.masked_fill(~seen, float("-inf")).softmax(-1)
        out[start:stop] = torch.einsum("hqk,khd->qhd", odds, v[start:stop])
    return out


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("local", [False, True])
def test_the_accelerators_kernel_is_given_the_windows_that_the_groups_see(causal: bool, local: bool) -> None:
    given = parts()
    packed = Packed(kernel, A, LENGTHS, causal, "cpu")
    ours = packed(*given, local, 8**-0.5)
    np.testing.assert_allclose(ours, Ragged(A, LENGTHS, causal)(int(local), *given), atol=2e-6)


def test_the_kernel_is_taken_only_where_it_has_the_options_we_need() -> None:
    from inspect import signature

    found = varlen()
    if found is None:
        pytest.skip("this torch has no attention over texts of different lengths")
    assert {"scale", "window_size"} <= set(signature(found).parameters)


def test_groups_are_runs_of_equal_length() -> None:
    assert Ragged(A, LENGTHS, False).groups() == [(0, 1, 1), (1, 2, 5), (11, 1, 9), (20, 1, 140), (160, 1, 300)]
    assert Ragged(A, np.zeros(3, np.int64), False).groups() == []


def test_scores_may_be_divided_by_the_blocks_number() -> None:
    given = parts()
    by_layer = replace(A, scale_by_layer=True, local_layers=())
    halved = [given[0] / 2, *given[1:]]
    plain = replace(A, local_layers=())
    np.testing.assert_allclose(
        Ragged(by_layer, LENGTHS, True)(1, *given), Ragged(plain, LENGTHS, True)(1, *halved), atol=1e-6
    )


@pytest.mark.gpu
def test_the_accelerator_gives_what_the_processor_gives() -> None:
    given = parts(torch.bfloat16)
    for causal in (False, True):
        for block in (0, 1):
            ours = Ragged(A, LENGTHS, causal)(block, *(x.cuda() for x in given)).float().cpu()
            np.testing.assert_allclose(ours, Ragged(A, LENGTHS, causal)(block, *given).float(), atol=3e-2)
