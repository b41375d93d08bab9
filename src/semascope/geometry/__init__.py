"""The shape of a cloud of vectors: maps, groups, neighbourhoods."""
