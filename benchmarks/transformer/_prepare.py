"""The texts every peer encodes: docstrings of this Python's standard library.

Short ones are sentences of 25 to 120 characters (about 20 tokens), medium ones are docstrings of 400 to 1,000 characters (about
160 tokens), mixed ones are paragraphs as they come.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from pathlib import Path

from encode._prepare import docstrings

SHORT, MEDIUM, MIXED, ONE = 512, 96, 256, 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    work: Path = parser.parse_args().work
    documents = sorted(set(docstrings()))
    random.Random(0).shuffle(documents)
    whole = [" ".join(text.split()) for text in documents]
    paragraphs = list(dict.fromkeys(" ".join(part.split()) for text in documents for part in text.split("\n\n")))
    sentences = list(dict.fromkeys(part for text in paragraphs for part in re.split(r"(?<=[.!?]) ", text)))
    short = [text for text in sentences if 25 <= len(text) <= 120]
    texts = {
        "short": short[:SHORT],
        "medium": [text for text in whole if 400 <= len(text) <= 1000][:MEDIUM],
        "mixed": [text for text in paragraphs if len(text) >= 25][:MIXED],
        "one": short[SHORT : SHORT + ONE],
    }
    (work / "texts.json").write_text(json.dumps(texts))
    for name, items in texts.items():
        print(f"{name}: {len(items)} texts of {sum(map(len, items)) / len(items):.0f} characters")


if __name__ == "__main__":
    main()
