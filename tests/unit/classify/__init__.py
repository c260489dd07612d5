"""Tests of fileorganizer.classify."""
