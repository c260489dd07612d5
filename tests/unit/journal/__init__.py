"""Tests of ``fileorganizer.journal``."""
