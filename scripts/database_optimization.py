"""The database's indexes, plans and sizes, from a checkout: see ``backend.optimization``."""

from backend.optimization import main

if __name__ == "__main__":
    main()
