"""What the tests of our own routes share: asking for JSON, and a Space with a transformer, a map and words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asking import Answer, ask
from notes import documents

from semascope.corpus import Corpus
from semascope.encoders import Encoder
from semascope.look.atlas import keep_atlas, make_atlas
from semascope.look.vocabulary import keep_words, make_words
from semascope.space import Space


class Client:
    """Asks one server.

    Args:
        address: Of the server.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **query: str) -> Any:
        """The JSON of an answer that went well."""
        return self._fine(self.ask("GET", path, query=query))

    def post(self, path: str, **body: Any) -> Any:
        """The same for a body; `for_` is `for`."""
        return self._fine(self.ask("POST", path, body))

    def refused(self, path: str, status: int, **body: Any) -> dict[str, Any]:
        """The error of a body that is refused with a status."""
        answer = self.ask("POST", path, body)
        assert answer.status == status, answer.body[:500]
        return answer.json["error"]

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Any = None) -> Answer:
        """Any answer."""
        from urllib.parse import urlencode

        sent = None if body is None else {"for" if name == "for_" else name: value for name, value in body.items()}
        return ask(self.address, method, path + (f"?{urlencode(query)}" if query else ""), sent)

    @staticmethod
    def _fine(answer: Answer) -> Any:
        assert answer.status == 200, answer.body[:500]
        return answer.json


def rich_space(folder: Path) -> Path:
    """Sixty documents with two encodings, "small" by the default encoder and "deep" by MiniLM; the first has map and words."""
    with Space.build(Corpus(documents(60), name="rich"), Encoder("default"), folder) as space:
        small = space.encoding().name
        space.reencode(Encoder("minilm"), name="deep", keep_old=True)
    keep_atlas(folder, make_atlas(folder, small))
    keep_words(folder, make_words(folder, small))
    return folder
