"""Tests of the server: a real one, in processes of its own, on SQLite and on PostgreSQL."""
