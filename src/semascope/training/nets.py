"""The networks of the small models: the transformers library's own classes, with random weights of a seed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semascope.ops import need
from semascope.training.counted import counted_vectors
from semascope.training.plans import Plan
from semascope.training.tokenizing import END, Ids, special_tokens

LONGEST = 256  # tokens that a causal model says it can read; twice its training windows: positions are rotations


def network(plan: Plan, tokenizer: Any, ids: Ids, seed: int) -> Any:
    """A network with random weights; the same seed gives the same bits. The global random state stays as it was.

    Where the plan says so, token vectors begin as counting the texts' `ids` gives them, and a masked model with how common each token is.
    """
    torch = need("torch", extra="hf")
    transformers = need("transformers", extra="hf")
    # Written out, attention is faster at these sizes than the library's fused kernels, whose way back is slow on a CPU.
    config, kind = _configs(transformers, plan, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
    model.config.architectures = [kind.__name__]
    if plan.counted:
        _begin_counted(torch, model, ids, seed)
    if not plan.placed:
        places = model.bert.embeddings.position_embeddings.weight
        places.requires_grad_(False).zero_()
    return model


def _begin_counted(torch: Any, model: Any, ids: Ids, seed: int) -> None:
    table = model.get_input_embeddings().weight
    size, dim = table.shape
    found = torch.from_numpy(counted_vectors(ids, size, dim, seed=seed))
    seen = found.abs().sum(dim=1) > 0
    with torch.no_grad():
        table[seen] = found[seen] * table.std()
        bias = getattr(model.get_output_embeddings(), "bias", None)
        if bias is not None:
            counts = torch.bincount(torch.from_numpy(ids.flat).long(), minlength=size) + 1.0
            bias.copy_(torch.log(counts / counts.sum()))


def _configs(transformers: Any, plan: Plan, tokenizer: Any) -> tuple[Any, Any]:
    size = int(tokenizer.get_vocab_size())
    pad = int(tokenizer.token_to_id(special_tokens(plan)["pad_token"]))
    if plan.objective == "masked":
        config = transformers.BertConfig(
            vocab_size=size, hidden_size=plan.dim, num_hidden_layers=plan.layers, num_attention_heads=plan.heads,
            intermediate_size=plan.inner, max_position_embeddings=plan.window, pad_token_id=pad,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager",
        )  # fmt: skip
        return config, transformers.BertForMaskedLM
    end = int(tokenizer.token_to_id(END))
    if plan.objective == "causal":
        config = transformers.LlamaConfig(
            vocab_size=size, hidden_size=plan.dim, num_hidden_layers=plan.layers, num_attention_heads=plan.heads,
            intermediate_size=plan.inner, max_position_embeddings=LONGEST, tie_word_embeddings=True,
            pad_token_id=pad, bos_token_id=end, eos_token_id=end, attn_implementation="eager",
        )  # fmt: skip
        return config, transformers.LlamaForCausalLM
    config = transformers.T5Config(
        vocab_size=size, d_model=plan.dim, d_kv=plan.dim // plan.heads, num_layers=plan.layers, num_heads=plan.heads,
        d_ff=plan.inner, feed_forward_proj="gated-gelu", dropout_rate=0.0, tie_word_embeddings=True,
        pad_token_id=pad, eos_token_id=end, decoder_start_token_id=pad, attn_implementation="eager",
    )  # fmt: skip
    return config, transformers.T5ForConditionalGeneration


def loss_of(plan: Plan, model: Any, batch: Mapping[str, Any]) -> Any:
    """Mean cross entropy in nats over the labels that are asked for."""
    torch = need("torch", extra="hf")
    labels = batch["labels"]
    if plan.objective == "causal":
        logits = model(input_ids=batch["input_ids"], use_cache=False).logits
    elif plan.objective == "masked":
        # The head sees the masked places only: they are a fifth of all, and it is a quarter of the work.
        asked = labels != -100
        seen = model.bert(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        logits, labels = model.cls(seen[asked]), labels[asked]
    else:
        logits = model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=labels, use_cache=False
        ).logits
    return torch.nn.functional.cross_entropy(logits.float().reshape(-1, logits.shape[-1]), labels.reshape(-1))


def parameters(model: Any) -> dict[str, Any]:
    """Name -> parameter, each once where two names share one."""
    return dict(model.named_parameters())


def write_model(plan: Plan, model: Any, tokenizer: Any, folder: Path) -> None:
    """Write weights, configuration and tokenizer as Hugging Face lays them out."""
    from safetensors.torch import save

    weights = {name: value.detach().cpu().contiguous().clone() for name, value in parameters(model).items()}
    write_bytes(folder / "model.safetensors", save(weights, metadata={"format": "pt"}))
    # The library's own writers; what they say of versions is not part of a model.
    (folder / "config.json").write_text(model.config.to_json_string(), encoding="utf-8")
    if plan.objective != "masked":
        model.generation_config.save_pretrained(str(folder))
    (folder / "tokenizer.json").write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    said: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": LONGEST if plan.objective == "causal" else plan.window,
        "clean_up_tokenization_spaces": False,
        **special_tokens(plan),
    }
    if plan.objective == "denoising":
        said["model_max_length"] = LONGEST
    if plan.objective != "masked":
        said["model_input_names"] = ["input_ids", "attention_mask"]
    (folder / "tokenizer_config.json").write_text(json.dumps(said, indent=2), encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file and have it on the disk before going on."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
