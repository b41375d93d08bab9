"""Doctor: what made these vectors, and what is wrong with them."""

from semascope.doctor.agree import agree
from semascope.doctor.folders import examine_folder
from semascope.doctor.matrix import examine_matrix
from semascope.doctor.naming import Naming, name_recipe
from semascope.doctor.spaces import examine_space

__all__ = ["Naming", "agree", "examine_folder", "examine_matrix", "examine_space", "name_recipe"]
