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
from semascope.ops.cloud.likeness import (
    Fit,
    information_imbalance,
    linear_cka,
    overlap,
    procrustes,
    procrustes_residual,
    rsa,
)
from semascope.ops.cloud.near import Near, distinct, near
from semascope.ops.cloud.rank import (
    Held,
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
    "Fit",
    "Held",
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
    "information_imbalance",
    "intrinsic_dimension",
    "iso_score",
    "levina_bickel",
    "linear_cka",
    "mean_cosine",
    "near",
    "occurrences",
    "overlap",
    "participation_ratio",
    "partition_ratio",
    "procrustes",
    "procrustes_residual",
    "rsa",
    "share_of_first",
    "skewness",
    "spectrum",
    "stable_rank",
    "two_nn",
    "two_nn_likelihood",
]
