"""Decides; never acts. Pure functions over values: nothing here touches a disk."""
