"""Looks at the disk for the planner, carries out plans, settles what was in doubt, verifies."""
