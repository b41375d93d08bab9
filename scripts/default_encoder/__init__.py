"""Make the default encoder: a table of word-piece vectors distilled from a sentence encoder.

One module a step: `sources` reads permitted text (and `semascope.ops.wordnet` the dictionary), `variants` makes new texts
from it with `inflections`, `overlap` keeps evaluation text out, `teacher` labels, `student` holds the table, `training` fits it, `export` writes what ships,
`reference` is the run-time in a few plain lines, `scores` measures.
"""
