"""Recipe text: `minilm[1,-1] | mean | whiten | truncate(128) | int8`.

One grammar, read by `ast`: names, calls, subscripts and `|`, with literals only, so that text from anywhere may be read.
A name that is not a Python name (a folder, a hub name) is written in quotes: `"./my-encoder" | truncate(128)`.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from semascope.errors import OptionError

_LONGEST = 4_000  # characters; deeper nesting than this allows would tire the parser


@dataclass(frozen=True)
class Part:
    """One step of a recipe.

    Args:
        name: What it is called, or a path.
        args: Options by place.
        options: Options by name; a value may be a Part itself.
        layers: What stood in brackets behind the name.
    """

    name: str
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    layers: tuple[int, ...] = ()

    def __str__(self) -> str:
        text = self.name if _plain(self.name) else repr(self.name)
        if self.layers:
            text += f"[{','.join(map(str, self.layers))}]"
        inside = [_show(a) for a in self.args] + [f"{name}={_show(value)}" for name, value in self.options.items()]
        return f"{text}({', '.join(inside)})" if inside else text


def _plain(name: str) -> bool:
    # Names beyond ASCII are quoted: the parser folds some letters into others.
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name)


def _show(value: Any) -> str:
    if not isinstance(value, Part):
        return repr(value)
    # A quoted name alone would read as a text.
    return str(value) if _plain(value.name) or value.args or value.options or value.layers else f"{value.name!r}()"


def parse(text: str) -> tuple[Part, ...]:
    """The parts of a recipe text, first to last.

    Raises:
        OptionError: the text is not in the grammar; the message says where it stops making sense.
    """
    if len(text) > _LONGEST:
        raise OptionError(f"recipe: want at most {_LONGEST} characters, got {len(text)}")
    try:
        body = ast.parse(text.strip(), mode="eval").body
        return tuple(_part(node) for node in _chain(body))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, OptionError):
            raise
        raise OptionError(
            f"recipe: cannot read {text!r} ({error}); write parts joined by |, such as 'default | truncate(128) | int8'"
        ) from None


def text(parts: tuple[Part, ...]) -> str:
    """The recipe text of parts; `parse` reads it back to equal parts."""
    return " | ".join(map(str, parts))


def _chain(node: ast.expr) -> list[ast.expr]:
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _part(node: ast.expr) -> Part:
    match node:
        case ast.Name(id=name):
            return Part(name)
        case ast.Constant(value=str(name)) if name:
            return Part(name)
        case ast.Subscript(value=inner, slice=index):
            part = _part(inner)
            layers = ast.literal_eval(index)
            layers = layers if isinstance(layers, tuple) else (layers,)
            if part.layers or part.args or part.options or not layers or any(type(i) is not int for i in layers):
                raise OptionError(
                    f"recipe: want layer numbers in brackets right behind a name, got {ast.unparse(node)}"
                )
            return Part(part.name, layers=layers)
        case ast.Call(func=func, args=args, keywords=keywords):
            part = _part(func)
            if part.args or part.options:
                raise OptionError(f"recipe: want one pair of parentheses, got {ast.unparse(node)}")
            if any(k.arg is None for k in keywords):
                raise OptionError(f"recipe: want options by name, got ** in {ast.unparse(node)}")
            options = {str(k.arg): _value(k.value) for k in keywords}
            if len(options) < len(keywords):
                raise OptionError(f"recipe: want each option once, got {ast.unparse(node)}")
            return Part(part.name, tuple(_value(a) for a in args), options, part.layers)
        case _:
            raise OptionError(f"recipe: want a name or a call, got {ast.unparse(node)!r}")


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name | ast.Call | ast.Subscript):
        return _part(node)
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise OptionError(f"recipe: want plain values inside parentheses, got {ast.unparse(node)!r}") from None
