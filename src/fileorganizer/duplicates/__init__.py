"""Files with the same content: found by a funnel of short stages, with digests that are remembered between runs."""
