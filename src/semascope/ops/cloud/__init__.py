"""Measures of a cloud of vectors, each with its interval: plain functions of arrays, float64 inside."""

from semascope.ops.cloud.dimension import (
    Dimensions,
    Scale,
    cells,
    dimensions,
    gride,
    gride_scales,
    intrinsic_dimension,
    levina_bickel,
    two_nn,
    two_nn_likelihood,
)
from semascope.ops.cloud.hubness import Hubness, hubness, occurrences, skewness
from semascope.ops.cloud.isotropy import iso_score, mean_cosine, partition_ratio
from semascope.ops.cloud.near import Near, distinct, near
from semascope.ops.cloud.rank import (
    Spectrum,
    directions_for,
    effective_rank,
    participation_ratio,
    share_of_first,
    spectrum,
    stable_rank,
)

__all__ = [
    "Dimensions",
    "Hubness",
    "Near",
    "Scale",
    "Spectrum",
    "cells",
    "dimensions",
    "directions_for",
    "distinct",
    "effective_rank",
    "gride",
    "gride_scales",
    "hubness",
    "intrinsic_dimension",
    "iso_score",
    "levina_bickel",
    "mean_cosine",
    "near",
    "occurrences",
    "participation_ratio",
    "partition_ratio",
    "share_of_first",
    "skewness",
    "spectrum",
    "stable_rank",
    "two_nn",
    "two_nn_likelihood",
]
