"""HTML: what a reader would see, as text, titled by the page's own title."""

from __future__ import annotations

import codecs
import re
from html.parser import HTMLParser

_SILENT = frozenset({"script", "style", "noscript", "template", "head", "svg", "iframe", "object"})
_BLOCKS = (
    "address article aside blockquote br caption dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6"
    " header hr li main nav ol option p pre section summary table td th tr ul"
)
_PARAGRAPHS = "article blockquote div dl figure footer h1 h2 h3 h4 h5 h6 header main nav ol p pre section table ul"
_BLOCK = frozenset(_BLOCKS.split())
_PARAGRAPH = frozenset(_PARAGRAPHS.split())
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0]+")


def read(source: str) -> tuple[str, str]:
    """Title and visible text of a page: one line per block, a blank line between paragraphs.

    Scripts, styles and templates are left out. Without a <title> the first heading is the title.
    """
    page = _Page()
    page.feed(source)
    page.close()
    text = page.text()
    return page.title() or page.heading(), text


def charset(data: bytes) -> str | None:
    """The encoding the page itself names in its first 2,048 bytes, if Python knows it."""
    match = _CHARSET.search(data[:2048])
    if match is None:
        return None
    try:
        return codecs.lookup(match[1].decode("ascii")).name
    except LookupError:
        return None


class _Page(HTMLParser):
    """Collects words by block while the parser walks the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._silent: list[str] = []
        self._pre = 0
        self._in_title = False
        self._in_heading = False
        self._title: list[str] = []
        self._heading: list[str] = []
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        # What belongs to a body ends a head that was never closed.
        if tag == "body" or (tag in _BLOCK and self._silent == ["head"]):
            self._silent.clear()
        if tag == "title":
            self._in_title = not self._title and "svg" not in self._silent
        elif tag in _SILENT:
            self._silent.append(tag)
        elif tag in ("h1", "h2", "h3"):
            self._in_heading = not "".join(self._heading).strip()
        self._pre += tag == "pre"
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif tag in ("h1", "h2", "h3"):
            self._in_heading = False
        self._pre = max(0, self._pre - (tag == "pre"))
        self._break(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self._title.append(data)
        elif not self._silent:
            if self._in_heading:
                self._heading.append(data)
            self._parts.append(data if self._pre else _SPACE.sub(" ", data))

    def _break(self, tag: str) -> None:
        if tag in _BLOCK and not self._silent:
            self._parts.append("\n\n" if tag in _PARAGRAPH else "\n")

    def title(self) -> str:
        return _SPACE.sub(" ", "".join(self._title)).strip()

    def heading(self) -> str:
        return _SPACE.sub(" ", "".join(self._heading)).strip()

    def text(self) -> str:
        lines = (
            line.strip(" ") if not line.startswith("  ") else line.rstrip() for line in "".join(self._parts).split("\n")
        )
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
