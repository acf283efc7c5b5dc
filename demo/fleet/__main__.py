"""`python -m demo.fleet`."""

import sys

from demo.fleet.cli import main

if __name__ == "__main__":
    sys.exit(main())
