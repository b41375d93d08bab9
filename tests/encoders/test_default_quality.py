"""The bundled encoder still means what it meant: bars set below what was measured, and a control that must miss them.

Measured with the encoder of this version; the bars leave a margin. The control is the same encoder with the rows of its tables shuffled.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plain
import pytest
from sentences import PAIRS, QUESTIONS, TYPOS

import semascope.encoders
from semascope.encoders import Encoder, NGrams, StaticEncoder
from semascope.learned import TokenTable
from semascope.ops import spearman

FOLDER = Path(semascope.encoders.__file__).parent / "default"


def shuffled() -> StaticEncoder:
    """The default with its vectors given to other tokens and n-grams."""
    encoder = Encoder("default")
    rng = np.random.default_rng(0)

    def mixed(table: TokenTable) -> TokenTable:
        order = rng.permutation(len(table))
        return TokenTable(table.table[order], table.scale[order])

    ngrams = encoder.ngrams
    if ngrams is not None:
        ngrams = NGrams(mixed(ngrams.table), ngrams.least, ngrams.most)
    return StaticEncoder(mixed(encoder.table), encoder.tokenizer_json, ngrams=ngrams)


@cache
def modules() -> dict[str, str]:
    """The standard library's modules and the beginning of what they say of themselves."""
    found: dict[str, str] = {}
    root = Path(ast.__file__).parent
    for path in sorted([*root.glob("[a-z]*.py"), *root.glob("[a-z]*/__init__.py")]):
        name = path.parent.name if path.stem == "__init__" else path.stem
        if name in ("this", "antigravity", "test", "idlelib", "site-packages"):
            continue
        text = ast.get_docstring(ast.parse(path.read_bytes()))
        if text:
            found[name] = text[:600]
    return found


def similarity(encoder: StaticEncoder) -> float:
    """Rank correlation of cosine with the grades of the pairs."""
    left = encoder.encode([pair[0] for pair in PAIRS])
    right = encoder.encode([pair[1] for pair in PAIRS])
    return spearman(np.einsum("ij,ij->i", left, right), np.array([pair[2] for pair in PAIRS]))


def typos_found(encoder: StaticEncoder) -> int:
    """How many misspelt words are nearest to the right one."""
    scores = encoder.encode([wrong for wrong, _ in TYPOS]) @ encoder.encode([right for _, right in TYPOS]).T
    return int((scores.argmax(axis=1) == np.arange(len(TYPOS))).sum())


def questions_answered(encoder: StaticEncoder) -> int:
    """How many questions have their module among the first five."""
    names = list(modules())
    scores = encoder.encode([text for text, _ in QUESTIONS]) @ encoder.encode(list(modules().values())).T
    best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    return sum(wanted in [names[place] for place in row] for row, (_, wanted) in zip(best, QUESTIONS, strict=True))


# (measure, what the default reaches at least, what the control reaches at most). Measured: 0.931, 17 and 23; the control
# 0.651, which is what words in common are worth, 2 and 4.
BARS = ((similarity, 0.88, 0.75), (typos_found, 14, 6), (questions_answered, 19, 9))


@pytest.mark.parametrize(("measure", "bar", "control"), BARS)
def test_the_default_encoder_passes_its_bars(measure: Any, bar: float, control: float) -> None:
    assert measure(Encoder("default")) >= bar


@pytest.mark.parametrize(("measure", "bar", "control"), BARS)
def test_the_same_table_in_another_order_misses_them_by_far(measure: Any, bar: float, control: float) -> None:
    assert measure(shuffled()) <= control < bar


def test_there_are_at_least_sixty_pairs_and_a_real_library_to_search() -> None:
    assert len(PAIRS) >= 60
    assert len(modules()) > 100
    assert {wanted for _, wanted in QUESTIONS} <= set(modules())


def test_other_scripts_are_distinct_and_a_word_is_near_its_own_inflection() -> None:
    encoder = Encoder("default")
    rows = encoder.encode(["библиотека", "библиотеки", "график", "図書館", "مكتبة", "🌋", "ספרייה", "thư viện"])
    scores = rows @ rows.T
    assert scores[0, 1] > scores[0, 2]
    assert scores[np.triu_indices(len(rows), 1)].max() < 0.999
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_what_is_shipped_is_at_most_ten_megabytes() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in files}
    assert sum(path.stat().st_size for path in files) <= 10_000_000


def test_the_bundled_files_give_the_vectors_of_the_plain_formula(docstrings: list[str]) -> None:
    some = [*docstrings[:300], "Zug nach München 🌋 你好 snake_case(x=10) qxzw"]
    encoder = Encoder("default")
    np.testing.assert_allclose(encoder.encode(some), plain.by_words(encoder, some), atol=5e-6)
