"""Tests of ``fileorganizer.execution``."""
