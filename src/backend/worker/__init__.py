"""The side that moves files: claims operations, has the engine carry them out, and keeps the database's copy of the journal."""
