"""Read the permitted text: public-domain and CC BY-SA files, and docstrings (parsed, never imported)."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TEXT_FILES = ("state-union", "inaugural", "wikipedia", "wikitext2-valid", "wikitext2-test")
PACKAGES = {  # distribution: (import name, licence)
    "numpy": ("numpy", "BSD-3-Clause"),
    "scipy": ("scipy", "BSD-3-Clause"),
    "scikit-learn": ("sklearn", "BSD-3-Clause"),
    "torch": ("torch", "BSD-3-Clause"),
    "transformers": ("transformers", "Apache-2.0"),
    "sentence-transformers": ("sentence_transformers", "Apache-2.0"),
    "sympy": ("sympy", "BSD-3-Clause"),
    "networkx": ("networkx", "BSD-3-Clause"),
    "huggingface_hub": ("huggingface_hub", "Apache-2.0"),
    "pydantic": ("pydantic", "MIT"),
    "joblib": ("joblib", "BSD-3-Clause"),
    "narwhals": ("narwhals", "MIT"),
    "anyio": ("anyio", "MIT"),
    "click": ("click", "BSD-3-Clause"),
    "rich": ("rich", "MIT"),
    "Jinja2": ("jinja2", "BSD-3-Clause"),
    "Pygments": ("pygments", "BSD-2-Clause"),
    "setuptools": ("setuptools", "MIT"),
    "fsspec": ("fsspec", "BSD-3-Clause"),
    "typer": ("typer", "MIT"),
    "pytest": ("_pytest", "MIT"),
}
_ABBREVIATIONS = (
    "mr",
    "mrs",
    "ms",
    "dr",
    "st",
    "vs",
    "e.g",
    "i.e",
    "etc",
    "no",
    "jr",
    "sr",
    "gen",
    "col",
    "u.s",
    "fig",
)
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])")


@dataclass
class Passage:
    """Neighbouring sentences of one source, in order.

    Args:
        source: where it came from, for the manifest.
        sentences: the sentences.
        title: a heading, a qualified name, or nothing.
    """

    source: str
    sentences: list[str]
    title: str = ""
    extra: list[str] = field(default_factory=list)


def sentences(text: str) -> list[str]:
    """Split at full stops that end a sentence."""
    found: list[str] = []
    held = ""
    for part in _END.split(text.strip()):
        held = f"{held} {part}".strip()
        last = held.rsplit(None, 1)[-1].rstrip(".\"')").lower() if held else ""
        if held.endswith(".") and (last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha())):
            continue
        found.append(held)
        held = ""
    return [s for s in [*found, held] if s]


def untokenise(text: str) -> str:
    """Undo WikiText's spacing."""
    text = re.sub(r" @([-.,])@ ", r"\1", text)
    text = re.sub(r" ([.,;:!?%)\]])", r"\1", text)
    text = re.sub(r"([(\[]) ", r"\1", text)
    text = re.sub(r" '(s|re|ve|ll|d|m|t)\b", r"'\1", text)
    return text.replace(" n't", "n't")


def plain_files(folder: Path) -> Iterator[Passage]:
    """Paragraphs of the permitted text files."""
    for name in TEXT_FILES:
        with (folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                for paragraph in row["text"].split("\n"):
                    even = re.sub(r"\s+", " ", paragraph).strip()
                    if name.startswith("wikitext"):
                        even = "" if even.startswith("=") else untokenise(even)
                    kept = [s for s in sentences(even) if "<unk>" not in s and usable(s)]
                    if kept:
                        yield Passage(name, kept, row["id"] if name == "wikipedia" else "")


def usable(text: str) -> bool:
    """Prose: 3 to 80 words, mostly letters."""
    n = len(text.split())
    return 3 <= n <= 80 and sum(c.isalpha() or c == " " for c in text) >= 0.8 * len(text)


def unmark(text: str) -> str:
    """Drop reStructuredText and Markdown markup, keep the words."""
    text = re.sub(r":[\w:+.-]+:`~?([^`<]*?)(?:\s*<[^`]*>)?`", lambda m: m[1].strip(" .!"), text)
    text = re.sub(r"\[`?~?([^\]`]*)`?\]\([^)]*\)|\[`~?([^\]`]*)`\]", lambda m: m[1] or m[2], text)
    text = re.sub(r"\\[a-zA-Z]+|\[\d+\]_|\|[^|]*\|_?|https?://\S+", " ", text)
    text = re.sub(r"`+_*|\*\*?|\$", "", text)
    return re.sub(r"\s+", " ", text).strip()


def paragraphs(docstring: str) -> list[str]:
    """The prose paragraphs of a docstring, without examples, tables, headings, directives."""
    found = []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        if ">>>" in block or "```" in block or block.lstrip().startswith((".. ", "|", "+-")):
            continue
        lines = [x for x in block.splitlines() if not re.fullmatch(r"\s*[-=~^*\"'`#+ ]{3,}\s*", x)]
        items: list[str] = []
        for line in lines:
            # An argument's line ("name : type", "name (type): text") begins an item of its own.
            begins = re.match(r"\s*(?:[-*] +|`?\w[\w, .*]*`? ?:(?: |$)|\w+ \([^)]*\) ?:)", line)
            body = line[begins.end() :] if begins else line
            if begins or not items:
                items.append(body)
            else:
                items[-1] += " " + body
        found.extend(text for text in map(unmark, items) if text)
    return found


def docstrings(file: Path, module: str) -> Iterator[tuple[str, str]]:
    """(qualified name, docstring) of everything in a Python file that has one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, RecursionError):
        return
    stack: list[tuple[str, ast.AST]] = [(module, tree)]
    while stack:
        name, node = stack.pop()
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and (text := ast.get_docstring(node, clean=False)):
            yield name, text
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("add_docstr", "add_newdoc"):
            texts = [a.value for a in ast.walk(node) if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if texts:
                yield ast.unparse(node.args[0]).strip("'"), max(texts, key=len)
            continue
        for child in ast.iter_child_nodes(node):
            inner = getattr(child, "name", None)
            stack.append((f"{name}.{inner}" if isinstance(inner, str) else name, child))


def python_files(root: Path) -> list[Path]:
    """Python files that are not tests or vendored copies."""
    skip = {
        "test",
        "tests",
        "testing",
        "_vendor",
        "vendored",
        "site-packages",
        "idlelib",
        "externals",
        "lib2to3",
        "__pycache__",
    }
    return sorted(
        p
        for p in root.rglob("*.py")
        if not skip & set(p.relative_to(root).parts[:-1]) and not p.name.startswith("test_")
    )


def python_documentation() -> Iterator[Passage]:
    """Docstrings of the standard library and of the permissively licensed packages that are installed."""
    library = Path(inspect.__file__).parent
    roots = [("python-stdlib", library, "")]
    for distribution, (name, _) in PACKAGES.items():
        for entry in sys.path:
            folder = Path(entry) / name
            if "site-packages" in entry and folder.is_dir():
                roots.append((distribution, folder, name))
                break
    for source, root, package in roots:
        for file in python_files(root):
            parts = [package, *file.relative_to(root).with_suffix("").parts]
            module = ".".join(p for p in parts if p and p != "__init__")
            if source == "python-stdlib" and file.name == "topics.py":
                yield from topics(file)
                continue
            for name, text in docstrings(file, module):
                kept = [s for p in paragraphs(text) for s in sentences(p) if usable(s)]
                if kept:
                    yield Passage(source, kept, name)


def topics(file: Path) -> Iterator[Passage]:
    """The language reference that ships with the interpreter (pydoc's topics)."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > 200:
            for p in paragraphs(node.value):
                kept = [s for s in sentences(p) if usable(s)]
                if kept:
                    yield Passage("python-stdlib", kept)
