"""Long work that ends on disk: vectors and token states of any number of texts, resumed where it was stopped."""

from semascope.encoders.jobs.kept import Kept, kept_folder
from semascope.encoders.jobs.running import encode_to, states_to
from semascope.encoders.jobs.stored_states import open_states

__all__ = ["Kept", "encode_to", "kept_folder", "open_states", "states_to"]
