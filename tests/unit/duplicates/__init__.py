"""The parts of the search for duplicates by themselves."""
