"""The use cases, one module a noun: they know the rules, not HTTP; the caller comes as an argument."""
