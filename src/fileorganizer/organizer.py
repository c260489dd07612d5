"""The verbs: what the command line and the worker call. Each strings the stages together.

A ``confirm`` is asked once, with the stored plan, before the first change; no
is ``Declined``. A ``listener`` hears of progress and carries the wish to stop.
Paths of roots are strings or bytes as the system gives them; paths inside a
root are bytes relative to it.
"""
