"""Searching and cleaning up, on real folders."""
