"""What the dialects share: texts and token ids as they are asked for, how they are meant, and the words of refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
from msgspec import Meta

from semascope.serve.http.problems import Dialect, Problem
from semascope.serve.refusals import TooLong

if TYPE_CHECKING:
    from semascope.serve.batching import Batcher
    from semascope.serve.house import House
    from semascope.serve.models import Items, Served, Truncate
    from semascope.serve.settings import Settings
    from semascope.types import Kind, Vectors

Item = str | list[int]


@dataclass(frozen=True, eq=False)
class Done:
    """What was encoded.

    Args:
        vectors: float32 (n, dim).
        tokens: That the model read, special ones and prompts included.
        cut: Texts that were too long and not read to their end.
    """

    vectors: Vectors
    tokens: int
    cut: int


# How servers call the two ways in which a text can be meant: Cohere and vLLM's Cohere route (search_query, search_document), Voyage
# (query, document), NVIDIA's NIM (query, passage).
_KINDS: dict[str, Kind] = {
    "query": "query",
    "search_query": "query",
    "document": "document",
    "search_document": "document",
    "passage": "document",
}

_CUT = 'shorten it, or let it be cut with "truncate": true'

# msgspec knows no union of lists, so the type alone would let lists of texts mixed with token ids pass; what is added to the schema
# says it exactly, and takes the place of what msgspec says.
Input = Annotated[
    str | list[str | int | list[int]],
    Meta(
        description="A text, a list of texts, token ids of one text, or a list of those; ids are of the model's own tokenizer.",
        extra_json_schema={
            "oneOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
                {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
                {
                    "type": "array",
                    "items": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
                    "minItems": 1,
                },
            ]
        },
    ),
]


def items_of(asked: str | Sequence[Any], settings: Settings, *, name: str) -> list[Item]:
    """The texts or token ids of a request, one entry for each vector.

    Args:
        asked: A text, texts, the ids of one text, or ids of several.
        settings: For the most texts and the longest one.
        name: Of the field.

    Raises:
        Problem: there is nothing, too much, or a mixture of several sorts.
    """
    if isinstance(asked, str):
        return [_text(asked, settings, name)]
    # The length of the list itself first: nobody walks through one that is too long.
    longest = len(asked)
    if longest <= settings.text:
        longest = max((len(one) for one in asked if isinstance(one, list)), default=0)
    if longest > settings.text:  # a token stands for a character at least
        message = f"{name}: want at most {settings.text:,} token ids in a text, got {longest:,}: too long"
        raise Problem(400, message, param=name, code="too_large")
    kinds = set(map(type, asked))
    if not kinds:
        raise Problem(400, f"{name}: want at least one text, got an empty list", param=name, code="empty")
    if kinds == {int}:
        return [list(asked)]
    if int in kinds or len(kinds) > 1:
        said = " and ".join(
            sorted({"str": "texts", "int": "numbers", "list": "lists"}[kind.__name__] for kind in kinds)
        )
        message = f"{name}: want a text, texts, token ids, or lists of token ids, got a list of {said}"
        raise Problem(400, message, param=name, code="invalid_type")
    count(len(asked), settings.inputs, name=name)
    for place, one in enumerate(asked):
        if isinstance(one, str):
            _text(one, settings, f"{name}[{place}]", param=name)
        elif not one:
            message = f"{name}[{place}]: want at least one token id, got an empty list"
            raise Problem(400, message, param=name, code="empty")
    return list(asked)


def count(got: int, most: int, *, name: str) -> None:
    """Refuse more texts than may come at once; says "too many inputs", by which clients know that they may split them."""
    if got > most:
        message = f"{name}: want at most {most:,}, got {got:,}: too many inputs; send them in several requests"
        raise Problem(400, message, param=name, code="too_many")


def _text(text: str, settings: Settings, name: str, param: str = "") -> str:
    if not text:
        raise Problem(400, f"{name}: want a text, got an empty one", param=param or name, code="empty")
    return checked(text, settings, name, param)


def checked(text: str, settings: Settings, name: str, param: str = "") -> str:
    """The text, where it is not longer than any may be."""
    if len(text) > settings.text:
        message = f"{name}: want at most {settings.text:,} characters, got {len(text):,}: too long"
        raise Problem(400, message, param=param or name, code="too_large")
    return text


def kind_of(input_type: str | None, otherwise: Kind = "document") -> Kind:
    """Which way a text is meant.

    Raises:
        Problem: no word that any server has for it.
    """
    if input_type is None:
        return otherwise
    found = _KINDS.get(input_type.lower())
    if found is None:
        message = f"input_type: want one of {', '.join(_KINDS)}; got {input_type!r}"
        raise Problem(400, message, param="input_type", code="invalid_value")
    return found


async def encode(
    batcher: Batcher,
    items: Sequence[Item],
    *,
    kind: Kind,
    truncate: Truncate,
    dialect: Dialect,
    name: str,
    single: bool,
    prompt: str | None = None,
) -> Done:
    """Vectors of texts or token ids.

    Args:
        batcher: The model.
        items: What it encodes.
        kind: How texts are meant.
        truncate: Whether texts are cut that are too long, and at which end.
        dialect: Of what is said of them where they are not.
        name: Of the field that has the texts.
        single: Whether that is one text, not a list.
        prompt: To put before each text, in place of the one that the model has for the kind.

    Raises:
        Problem: a text is too long; says which, and what to do.
    """
    try:
        found = await batcher.encode(cast("Items", items), kind=kind, prompt=prompt, truncate=truncate)
    except TooLong as error:
        where = name if single else f"{name}[{error.place}]"
        if dialect == "tei":
            message = f"`{where}` must have less than {error.limit} tokens. Given: {error.tokens}; {_CUT}"
            raise Problem(422, message, param=name, code="too_long") from error
        message = (
            f"This model's maximum context length is {error.limit} tokens, however you requested {error.tokens} tokens "
            f"({error.tokens} in {where}); {_CUT}"
        )
        raise Problem(400, message, param=name, code="context_length_exceeded") from error
    tokens = int((found.tokens - found.cut).sum())
    return Done(found.vectors, tokens, int(np.count_nonzero(found.cut)))


def prompt_of(name: str | None, served: Served) -> tuple[str | None, Kind | None]:
    """The text of a prompt that the model has by that name, and the kind of text that it is for.

    Raises:
        Problem: the model has none of that name; says which there are.
    """
    if name is None:
        return None, None
    if name == "query" or name == "document":  # noqa: PLR1714 - a set of them would not tell the type checker
        return None, name  # put in front by itself, also where it is no text at all
    if name not in served.prompts:
        there = ", ".join(dict.fromkeys([*served.prompts, "query", "document"]))
        raise Problem(400, f"prompt_name: want one of {there}; got {name!r}", param="prompt_name", code="invalid_value")
    return served.prompts[name], None


def cut_header(cut: int) -> dict[str, str]:
    """Says how many texts were cut, where any was."""
    return {"X-Truncated": str(cut)} if cut else {}


async def first_model(house: House) -> tuple[str, Batcher]:
    """The model of requests that name none: the first that is listed, or the one of the Space.

    Raises:
        Problem: there is none.
    """
    for name, batcher in house.models.items():
        return name, batcher
    batcher = await house.of_encoding(None)
    return batcher.served.name, batcher
