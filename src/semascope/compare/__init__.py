"""Is B better than A on a person's own data?"""
