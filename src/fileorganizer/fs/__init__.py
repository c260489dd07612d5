"""The only package that changes a user's disk: confined, exclusive, durable operations and nothing else."""
