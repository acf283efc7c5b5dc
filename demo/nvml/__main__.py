"""`python -m demo.nvml build`: compile the library and print where it is."""

import sys

from demo.nvml.build import BuildError, build


def main(arguments: list[str]) -> int:
    """Run the command; the exit code."""
    if arguments != ["build"]:
        print("usage: python -m demo.nvml build", file=sys.stderr)
        return 2
    try:
        print(build())
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
