"""Plain array functions used by more than one room. Each checks what it is given once, at the door."""

from semascope.ops.arrays import cosine, mapped, ranks, spearman, unit
from semascope.ops.door import integer, need, option, texts, vectors
from semascope.ops.files import guarded, settle, whole, write_text
from semascope.ops.graph import Graph, graph_recall, nearest
from semascope.ops.hashes import digest, file_digest
from semascope.ops.neighbours import neighbours_kept, recall_at, trustworthiness
from semascope.ops.places import cache_folder, model_folder
from semascope.ops.prompts import Prompts, prompted, reads_forward
from semascope.ops.secrets import without_passwords
from semascope.ops.segments import each_text, kept, pooled
from semascope.ops.statistics import Interval, bootstrap, proportion
from semascope.ops.topk import top_k

__all__ = [
    "Graph",
    "Interval",
    "Prompts",
    "bootstrap",
    "cache_folder",
    "cosine",
    "digest",
    "each_text",
    "file_digest",
    "graph_recall",
    "guarded",
    "integer",
    "kept",
    "mapped",
    "model_folder",
    "nearest",
    "need",
    "neighbours_kept",
    "option",
    "pooled",
    "prompted",
    "proportion",
    "ranks",
    "reads_forward",
    "recall_at",
    "settle",
    "spearman",
    "texts",
    "top_k",
    "trustworthiness",
    "unit",
    "vectors",
    "whole",
    "without_passwords",
    "write_text",
]
