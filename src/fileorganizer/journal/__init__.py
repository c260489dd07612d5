"""What is about to be done, what became of it, and the plans: written down durably, read back with suspicion."""
