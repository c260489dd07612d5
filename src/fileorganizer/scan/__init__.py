"""Walking a root and deciding what of it is left alone."""
