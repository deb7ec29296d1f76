"""`python -m dashboard` is `tallybook`."""

from dashboard.cli import main

if __name__ == "__main__":
    main()
