"""Tests of fileorganizer.rules."""
