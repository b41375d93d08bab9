"""A model's folder: what other programs will read otherwise, and its small files put right."""

from semascope.doctor.folders.folder import examine_folder

__all__ = ["examine_folder"]
