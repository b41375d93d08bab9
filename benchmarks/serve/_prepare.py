"""The texts that every server is asked for: sentences of Python documentation."""

from __future__ import annotations

import json

from search._measure import work_folder
from search._prepare import sentences

TEXTS = 2_000


def main() -> None:
    texts = sentences()[:TEXTS]
    (work_folder() / "texts.json").write_text(json.dumps(texts))
    print(f"{len(texts):,} sentences, {sum(map(len, texts)) / len(texts):.0f} characters on average")


if __name__ == "__main__":
    main()
