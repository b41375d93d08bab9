"""Naming: which recipe of which encoder made a matrix, and whether its rows are in step with their texts."""

from semascope.doctor.naming.candidates import Candidate
from semascope.doctor.naming.naming import Naming, name_recipe
from semascope.doctor.naming.steps import RowSteps

__all__ = ["Candidate", "Naming", "RowSteps", "name_recipe"]
