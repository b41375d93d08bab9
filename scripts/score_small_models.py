"""What the small language models are worth, read with the transformers library alone.

    python scripts/score_small_models.py [--sts FILE] [--json]

tiny_bert: Spearman on sentence pairs (JSON lines with a, b, score) of the mean of the tokens' last states, of [CLS], and of the mean over
layers 1 and last. tiny_gpt_ciphered: how often a sentence's counterpart in the other language is the nearest of 500, by the mean of the
middle layer's states, and by chance. All four: what their cards say.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from semascope.ops import recall_at, spearman, unit
from semascope.training import PLANS, describe, encipher, find_model, material


def states(folder: Path, texts: list[str]) -> tuple[list[Any], Any]:
    """Hidden states of every layer in batches of 64 texts, and the tokenizer; padded on the right."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(str(folder)).eval()
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    batches = []
    for start in range(0, len(texts), 64):
        batch = tokenizer(
            texts[start : start + 64],
            padding=True,
            truncation=True,
            max_length=128,
            padding_side="right",
            return_tensors="pt",
        )
        batch.pop("token_type_ids", None)
        with torch.no_grad():
            hidden = model(**batch, output_hidden_states=True).hidden_states
        batches.append((torch.stack(hidden).numpy(), batch["attention_mask"].numpy().astype(bool)))
    return batches, tokenizer


def pooled(batches: list[Any], layers: list[int]) -> np.ndarray:
    """Mean over layers of the mean over tokens, (n, d)."""
    rows = []
    for hidden, mask in batches:
        weights = mask[None, :, :, None] / mask.sum(1)[None, :, None, None]
        rows.append((hidden[layers] * weights).sum(2).mean(0))
    return np.concatenate(rows)


def pairs_score(a: np.ndarray, b: np.ndarray, scores: np.ndarray) -> float:
    """Spearman of cosines with what people said."""
    return float(spearman((unit(a) * unit(b)).sum(1), scores))


def bert(folder: Path, file: Path) -> dict[str, float]:
    """Spearman by pooling."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    scores = np.asarray([row["score"] for row in rows], dtype=float)
    sides = [states(folder, [row[side] for row in rows])[0] for side in ("a", "b")]
    first = [np.concatenate([hidden[-1][:, 0] for hidden, _ in side]) for side in sides]
    found = {"cls": pairs_score(*first, scores)}
    depth = len(sides[0][0][0]) - 1
    for name, layers in (("embeddings", [0]), ("first", [1]), ("last", [depth]), ("first and last", [1, depth])):
        found[f"mean of tokens, {name}"] = pairs_score(*(pooled(side, layers) for side in sides), scores)
    return {"pairs": len(rows), **found}


def ciphered(folder: Path) -> dict[str, float]:
    """How often the counterpart of a held-out sentence is nearest, by layer."""
    held = [text.splitlines()[0] for text in material().held_out]
    texts = [text for text in held if 5 <= len(text.split()) <= 25][:500]
    here, there = states(folder, texts)[0], states(folder, [encipher(text) for text in texts])[0]
    found = {"sentences": float(len(texts)), "chance": 1 / len(texts)}
    for layer in range(len(here[0][0])):
        a, b = (pooled(side, [layer]) for side in (here, there))
        found[f"nearest is the counterpart, layer {layer}"] = recall_at(a - a.mean(0), b - b.mean(0), k=1)
    return found


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sts", type=Path, help="sentence pairs for tiny_bert: JSON lines with a, b, score")
    parser.add_argument("--json", action="store_true", help="as JSON")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    for name in PLANS:
        folder = find_model(name)
        if folder is None:
            print(f"{name}: not made; semascope models --make {name}")
            continue
        card = describe(folder)
        keys = ("parameters", "steps", "seconds", "measured", "text")
        found[name] = {key: card[key] for key in keys}
        if name == "tiny_bert" and asked.sts:
            found[name]["sts"] = bert(folder, asked.sts)
        if name == "tiny_gpt_ciphered":
            found[name]["counterparts"] = ciphered(folder)
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for name, facts in found.items():
        print(name)
        for key, value in facts.items():
            lines = value.items() if isinstance(value, dict) else [("", value)]
            for what, number in lines:
                print(f"  {key} {what}: {number:.4g}" if isinstance(number, float) else f"  {key} {what}: {number}")


if __name__ == "__main__":
    main()
