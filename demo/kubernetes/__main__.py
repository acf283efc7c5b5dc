"""`python -m demo.kubernetes`: see `demo.kubernetes.cli`."""

import sys

from demo.kubernetes.cli import main

if __name__ == "__main__":
    sys.exit(main())
