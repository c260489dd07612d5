"""The server: accounts, roots, operations over HTTP, live progress. It calls the engine and never re-implements it."""
