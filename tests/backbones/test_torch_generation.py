"""Sampling: what a text gets depends on its own draws alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_models import save_model

from semascope.errors import OptionError
from semascope.types import Tokens

pytest.importorskip("torch")

from semascope.backbones.torch_engine import TorchEngine
from semascope.backbones.torch_generation import choose

PROMPTS = Tokens.of([[7, 8, 9], [], [10] * 12, [11, 12, 13], [14]])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> TorchEngine:
    folder = tmp_path_factory.mktemp("gpt2")
    save_model("gpt2", folder)
    return TorchEngine.open(folder, device="cpu")


def sampled(engine: TorchEngine, *, seed: int = 0, **options: Any) -> list[list[int]]:
    options = {"most": 20, "temperature": 1.0, "top_p": 1.0, **options}
    return engine.generate(PROMPTS, rng=np.random.default_rng(seed), **options)


def test_the_same_generator_gives_the_same_tokens_and_another_others(engine: TorchEngine) -> None:
    assert sampled(engine) == sampled(engine)
    assert sampled(engine) != sampled(engine, seed=1)


def test_at_most_that_many_tokens_and_none_for_a_text_of_none(engine: TorchEngine) -> None:
    made = sampled(engine, most=4)
    assert [len(m) for m in made] == [4, 0, 4, 4, 4]
    assert sampled(engine, most=0) == [[], [], [], [], []]


def test_more_tokens_begin_with_the_fewer(engine: TorchEngine) -> None:
    short, long = sampled(engine, most=5), sampled(engine, most=15)
    assert [m[:5] for m in long] == short


def test_a_text_ends_at_the_end_of_text_token_and_the_others_go_on(tmp_path: Path) -> None:
    save_model("gpt2", tmp_path)
    free = TorchEngine.open(tmp_path, device="cpu")
    first = sampled(free, temperature=0.0)
    stop = first[2][3]
    (tmp_path / "generation_config.json").write_text(f'{{"eos_token_id": [{stop}]}}', encoding="utf-8")
    ended = sampled(TorchEngine.open(tmp_path, device="cpu"), temperature=0.0)
    assert ended == [m[: m.index(stop)] if stop in m else m for m in first]
    assert {len(m) for m in ended} != {20, 0}


def test_a_text_stops_where_the_table_of_places_ends(engine: TorchEngine) -> None:
    prompts = Tokens.of([[7] * 60, [8] * 64, [9] * 3])
    made = engine.generate(prompts, most=100, temperature=0, top_p=1, rng=np.random.default_rng(0))
    # The last token need not be read, so that one more than there are places can be given.
    assert [len(m) for m in made] == [5, 1, 62]


def test_scores_of_every_step_are_those_of_the_whole_text_read_anew(engine: TorchEngine) -> None:
    made = sampled(engine, temperature=0.0)
    whole = Tokens.of(
        [[*PROMPTS.ids[a:b], *m] for a, b, m in zip(PROMPTS.offsets, PROMPTS.offsets[1:], made, strict=False)]
    )
    best = engine.logits(engine.run(whole, layers=[3])[0]).argmax(1)
    for text, new in enumerate(made):
        start = whole.offsets[text] + PROMPTS.lengths[text] - 1
        assert best[start : start + len(new)].tolist() == new


def test_a_narrow_nucleus_is_the_likeliest_token(engine: TorchEngine) -> None:
    assert sampled(engine, top_p=1e-9) == sampled(engine, temperature=0.0)
    assert sampled(engine, temperature=1e-6) == sampled(engine, temperature=0.0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temperature": -1.0}, "temperature: want at least 0, got -1.0"),
        ({"temperature": float("nan")}, "temperature: want at least 0, got nan"),
        ({"top_p": 0.0}, "top_p: want above 0 and at most 1, got 0.0"),
        ({"top_p": 1.5}, "top_p: want above 0"),
        ({"most": -1}, "most: want at least 0"),
    ],
)
def test_options_out_of_range_are_refused(engine: TorchEngine, options: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        sampled(engine, **options)


def test_tokens_are_drawn_as_often_as_their_odds_say() -> None:
    odds = np.array([0.5, 0.3, 0.15, 0.05])
    rng = np.random.default_rng(0)
    drawn = np.bincount([choose(np.log(odds), rng, 1.0, 1.0) for _ in range(20_000)], minlength=4) / 20_000
    np.testing.assert_allclose(drawn, odds, atol=0.015)


def test_a_nucleus_holds_the_token_that_crosses_its_share() -> None:
    odds = np.array([0.05, 0.5, 0.15, 0.3])
    rng = np.random.default_rng(0)
    drawn = np.bincount([choose(np.log(odds), rng, 1.0, 0.6) for _ in range(20_000)], minlength=4) / 20_000
    np.testing.assert_allclose(drawn, [0, 0.625, 0, 0.375], atol=0.015)


def test_temperature_is_what_scores_are_divided_by() -> None:
    rng = np.random.default_rng(0)
    drawn = np.bincount([choose(np.log(np.array([0.8, 0.2])), rng, 2.0, 1.0) for _ in range(20_000)]) / 20_000
    np.testing.assert_allclose(drawn, np.array([2, 1]) / 3, atol=0.015)


def test_company_changes_nothing_of_what_a_text_gets(engine: TorchEngine) -> None:
    alone = engine.generate(PROMPTS.take([0]), most=20, temperature=1.0, top_p=1.0, rng=np.random.default_rng(0))
    assert alone == sampled(engine)[:1]
