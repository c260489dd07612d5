"""The command line: words, colours, JSON and exit codes around the verbs of ``organizer``."""
