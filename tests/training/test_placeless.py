"""A masked model that is not told where tokens stand never learns it from its position vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from little import little, sentences

from semascope.encoders import Encoder
from semascope.training import make_model, plan

pytest.importorskip("transformers")


def test_its_position_vectors_stay_zero_and_words_in_another_order_give_the_same_states(tmp_path: Path) -> None:
    folder = make_model(little("tiny_bert_placeless", steps=5), sentences(), out=tmp_path / "placeless", device="cpu")
    from safetensors.numpy import load_file

    weights = load_file(str(folder / "model.safetensors"))
    (places,) = (value for name, value in weights.items() if "position_embeddings" in name)
    assert not places.any()
    model = Encoder(str(folder))
    one, other = model.states(["the old man sees the river"]), model.states(["river the sees man old the"])
    inside = slice(1, -1)
    np.testing.assert_allclose(one.hidden[-1, inside].mean(0), other.hidden[-1, inside].mean(0), atol=1e-5)


def test_models_that_are_placed_as_usual_are_asked_for_by_what_they_were_always_asked_for_by() -> None:
    assert "placed" not in plan("tiny_bert").settings()
    assert plan("tiny_bert_placeless").settings()["placed"] is False
