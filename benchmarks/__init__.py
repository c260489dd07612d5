"""Benchmarks that make their own tree and compare the product with its raw limits, as ratios of one run."""
