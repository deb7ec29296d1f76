"""`python -m tests.quality coverage`, and `python -m tests.quality mutants --seed 15 --count 500`."""

import argparse
import sys


def main() -> None:
    """Measure, and print tables for docs/quality.md."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    coverage = commands.add_parser("coverage", help="branch coverage of the areas by their tests")
    coverage.add_argument("only", nargs="*", help="tests whose reach is added to the last measurement")
    mutants = commands.add_parser("mutants", help="change the code a little, and see whether a test fails")
    mutants.add_argument("--seed", type=int, default=15)
    mutants.add_argument("--count", type=int, default=500)
    mutants.add_argument("--again", action="store_true", help="only what the last run did not kill")
    arguments = parser.parse_args()
    if arguments.command == "coverage":
        from tests.quality import measure

        measure.measure(arguments.only)
        print(measure.table())
    else:
        from tests.quality import mutants as running

        sys.exit(running.run(arguments.seed, arguments.count, again=arguments.again))


if __name__ == "__main__":
    main()
