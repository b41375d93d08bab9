"""How the golden Spaces were made; run once for each format number, never again. They are then opened for ever."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hashing import HashingEncoder

from semascope.corpus import Corpus, Document
from semascope.space import Space

DOCUMENTS = [
    Document("river", "The river carries the stone to the sea.", title="On rivers", label="nature", time="2020-05-01"),
    Document(
        "violin", "A violin is tuned in fifths. " * 12, title="On violins", label="music", metadata={"strings": 4}
    ),
    Document("zh", "我们明天下午三点在图书馆门口见面。", lang="zh", metadata={"short": True}),
    Document("gone", "This one is deleted.", label="nature"),
    Document("plain", "Nothing but words.", metadata={"size": 1.5}),
]


def main() -> None:
    folder = Path(__file__).parent / "space-1"
    with Space.build(
        Corpus(DOCUMENTS[:3], name="first"), HashingEncoder(8), folder, passage_size=120, batch=2
    ) as space:
        space.add(Corpus(DOCUMENTS[3:], name="second"))
        space.delete(["gone"])
    (folder / "writer.lock").unlink()


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
