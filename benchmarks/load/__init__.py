"""A crowd in front of the server while it organizes a large tree: what ``scripts/load_test.py`` is made of."""
