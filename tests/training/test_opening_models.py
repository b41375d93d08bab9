"""The folders are ordinary ones: the transformers library opens them, and what it opens does what the model learnt."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from little import NAMES, little, sentences

from semascope.training import make_model

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

HEADS = {
    "tiny_gpt": ("AutoModelForCausalLM", "LlamaForCausalLM"),
    "tiny_bert": ("AutoModelForMaskedLM", "BertForMaskedLM"),
    "tiny_seq2seq": ("AutoModelForSeq2SeqLM", "T5ForConditionalGeneration"),
    "tiny_gpt_ciphered": ("AutoModelForCausalLM", "LlamaForCausalLM"),
}


def opened(folder: Path, kind: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, of one version or another
        model, said = getattr(transformers, kind).from_pretrained(str(folder), output_loading_info=True)
    return model.eval(), said


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["", "checkpoint-10"])
def test_the_transformers_library_opens_model_and_tokenizer_with_nothing_missing(made, name: str, place: str) -> None:
    kind, expected = HEADS[name]
    model, said = opened(made[name] / place, kind)
    assert type(model).__name__ == expected
    assert not said["missing_keys"]
    assert not said["unexpected_keys"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(made[name] / place))
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.pad_token_id == model.config.pad_token_id == 0
    batch = tokenizer(["the cat sees the river.", "a dog"], padding=True, return_tensors="pt")
    extra = {"decoder_input_ids": batch["input_ids"]} if name == "tiny_seq2seq" else {}
    with torch.no_grad():
        logits = model(**batch, **extra).logits
    assert logits.shape == (*batch["input_ids"].shape, len(tokenizer))
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_bare_model_opens_with_its_hidden_states(made, name: str) -> None:
    model, _ = opened(made[name], "AutoModel")
    ids = torch.tensor([[5, 6, 7, 8]])
    extra = {"decoder_input_ids": ids} if name == "tiny_seq2seq" else {}
    with torch.no_grad():
        out = model(input_ids=ids, output_hidden_states=True, **extra)
    hidden = out.encoder_hidden_states if name == "tiny_seq2seq" else out.hidden_states
    assert len(hidden) == 2
    assert hidden[-1].shape == (1, 4, 32)


def test_training_moves_every_weight_and_the_last_checkpoint_is_not_the_model(made) -> None:
    for name in NAMES:
        kind, _ = HEADS[name]
        before, after = (opened(made[name] / place, kind)[0].state_dict() for place in ("checkpoint-0", ""))
        half = opened(made[name] / "checkpoint-20", kind)[0].state_dict()
        still = {
            key
            for key in before
            if before[key].dtype.is_floating_point
            and (torch.equal(before[key], after[key]) or torch.equal(half[key], after[key]))
        }
        # BERT's second segment is never read, so that its type's row is not moved; the first one is.
        assert not still, (name, still)


def test_a_gpt_generates_with_the_library_and_stops_at_its_end_token(made) -> None:
    model, _ = opened(made["tiny_gpt"], "AutoModelForCausalLM")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(made["tiny_gpt"]))
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    batch = tokenizer(["the cat"], return_tensors="pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = model.generate(**batch, max_new_tokens=5, do_sample=False)
    assert out.shape[1] <= batch["input_ids"].shape[1] + 5


def test_a_gpt_that_reads_texts_twice_learns_to_copy(tmp_path: Path) -> None:
    made = make_model(
        little("tiny_gpt", layers=2, dim=64, inner=128, window=48, batch=32, steps=60), sentences(), out=tmp_path / "m"
    )
    import json

    found = json.loads((made / "semascope.json").read_text())["measured"]
    assert found["copied"] > 0.3
    assert 0 <= found["copied_first"] <= 1
