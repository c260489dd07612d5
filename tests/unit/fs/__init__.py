"""Tests of ``fileorganizer.fs``."""
