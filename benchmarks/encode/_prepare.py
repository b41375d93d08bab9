"""The material every peer reads: one table of token vectors in model2vec's folder, which Sentence Transformers reads as well, and texts.

The rows are those of the bundled encoder as float32 (256 columns) over its own vocabulary. The texts are docstrings of this
Python's standard library: short ones (single sentences of 25 to 120 characters) and mixed ones (paragraphs as they come).
Texts with an unknown token are left out, because the peers disagree on what such a token counts for.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

import semascope.encoders

SHORT, MIXED, ONE = 20_000, 10_000, 2_000


def docstrings() -> Iterator[str]:
    root = Path(ast.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if "site-packages" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    work: Path = parser.parse_args().work
    default = Path(semascope.encoders.__file__).parent / "default"
    folder = work / "table"
    folder.mkdir(parents=True, exist_ok=True)
    arrays = load_file(default / "model.safetensors")
    rows = arrays["table"].astype(np.float32) * arrays["scale"][:, None]
    save_file({"embeddings": rows}, folder / "model.safetensors")
    tokenizer = Tokenizer.from_file(str(default / "tokenizer.json"))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"normalize": True, "max_length": None}))
    modules = [("0", ".", "StaticEmbedding"), ("1", "1_Normalize", "Normalize")]
    (folder / "1_Normalize").mkdir(exist_ok=True)
    (folder / "modules.json").write_text(
        json.dumps(
            [
                {"idx": place, "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}
                for place, (name, path, kind) in enumerate(modules)
            ]
        )
    )
    unknown = tokenizer.token_to_id("[UNK]")
    documents = list(docstrings())
    random.Random(0).shuffle(documents)
    paragraphs = list(dict.fromkeys(" ".join(part.split()) for text in documents for part in text.split("\n\n")))
    known = [
        text
        for text, encoding in zip(paragraphs, tokenizer.encode_batch_fast(paragraphs), strict=True)
        if len(text) >= 25 and unknown not in encoding.ids
    ]
    sentences = list(dict.fromkeys(part for text in known for part in re.split(r"(?<=[.!?]) ", text)))
    short = [text for text in sentences if 25 <= len(text) <= 120][:SHORT]
    (work / "texts.json").write_text(json.dumps({"short": short, "mixed": known[:MIXED], "one": short[:ONE]}))
    for name, texts in (("short", short), ("mixed", known[:MIXED])):
        tokens = np.mean([len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts)])
        print(
            f"{name}: {len(texts)} texts of {np.mean([len(text) for text in texts]):.0f} characters, {tokens:.1f} tokens"
        )


if __name__ == "__main__":
    main()
