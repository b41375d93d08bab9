"""One file, one document: plain text, Markdown, reStructuredText, HTML, source code."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from semascope.corpus.columns import cleaned, usable
from semascope.corpus.document import Document, clean
from semascope.corpus.problems import Meter, Problems
from semascope.corpus.readers import hypertext, markdown, restructured
from semascope.corpus.readers.lines import TextFile, whole

_CODE = (
    ".py .pyi .pyx .js .mjs .cjs .jsx .ts .tsx .c .h .cc .cpp .cxx .hh .hpp .hxx .cs .java .kt .kts .scala .go .rs .rb"
    " .php .pl .pm .sh .bash .zsh .fish .ps1 .sql .r .jl .lua .swift .m .mm .hs .ml .mli .ex .exs .erl .clj .lisp .el"
    " .vim .dart .zig .nim .f90 .f .v .vhd .tex .css .scss .proto .graphql .cmake .toml .yaml .yml .ini .cfg"
)
KINDS: dict[str, str] = {
    **dict.fromkeys((".txt", ".text", ".log"), "text"),
    **dict.fromkeys((".md", ".markdown", ".mdown"), "markdown"),
    ".rst": "rst",
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys(_CODE.split(), "code"),
}
# Files without a suffix that are text by custom.
_PLAIN = "readme license licence copying notice authors changelog changes news todo makefile dockerfile"
PLAIN_NAMES = frozenset(_PLAIN.split())


def kind_of(name: str) -> str | None:
    """What a file called `name` is read as: "text", "markdown", "rst", "html", "code", or None."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or not stem:
        return "text" if name.lower() in PLAIN_NAMES else None
    return KINDS.get(f".{suffix.lower()}")


def document(file: TextFile, name: str, kind: str, log: Problems) -> Document | None:
    """The document called `name` in a file, or None, reported, where there is none in it.

    The text is the file as it stands, line ends included, so that spans refer to the file; of HTML it is what a reader
    would see. Metadata: `suffix`, such as ".py".
    """
    if kind == "html":
        file = _own_charset(file)
    text = whole(file, log)
    if text is None:
        return None
    title, text = _READ[kind](text)
    if not usable(text, file.max_text, file.name, log):
        return None
    suffix = file.path.suffix.lower()
    return Document(
        id=clean(name),
        text=cleaned(text, file.name, "text", log),
        title=clean(title)[:300],
        metadata={"suffix": clean(suffix)} if suffix else {},
    )


@dataclass(frozen=True, slots=True)
class Single:
    """A file that is one document, called by its name."""

    file: TextFile
    kind: str

    def documents(self, log: Problems, meter: Meter) -> Generator[Document]:
        """The one document, or none."""
        meter.total = 1
        found = document(self.file, self.file.path.name, self.kind, log)
        meter.done = 1
        if found is not None:
            yield found


def _own_charset(file: TextFile) -> TextFile:
    """The file with the encoding the page names, where none but the default was asked for."""
    if file.encoding != "utf-8":
        return file
    try:
        with file.path.open("rb") as stream:
            named = hypertext.charset(stream.read(2048))
    except OSError:
        return file  # reading it in earnest meets the same error and reports it
    return replace(file, encoding=named) if named else file


_READ: dict[str, Callable[[str], tuple[str, str]]] = {
    "text": lambda text: ("", text),
    "code": lambda text: ("", text),
    "markdown": lambda text: (markdown.title(text), text),
    "rst": lambda text: (restructured.title(text), text),
    "html": hypertext.read,
}
