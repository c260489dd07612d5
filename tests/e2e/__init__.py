"""The dashboard in a real browser, against the real server, on real folders."""
