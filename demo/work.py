"""`python -m demo.work`: the demo fleet's people, at a query API that asks who they are.

They register compute pools and report how jobs get on, as `make up` lets them, with a token.
"""

import argparse
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from demo import jobs, pools, stack
from demo.processes import ProcessError


def main(arguments: Sequence[str] | None = None) -> int:
    """Register pools, then report until a stop signal; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _present(options.token_file.read_text().strip())
        pools.seed(options.url)
    except (OSError, ProcessError) as error:
        print(f"demo.work: {error}", file=sys.stderr)
        return 1
    return jobs.main([f"--url={options.url}", f"--cluster={stack.CLUSTER}"])


def _present(token: str) -> None:
    """Send the token with every request of this process."""
    opener = urllib.request.build_opener()
    opener.addheaders = [("Authorization", f"Bearer {token}")]
    urllib.request.install_opener(opener)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.work", description=__doc__)
    parser.add_argument("--url", required=True, help="base URL of the query API")
    parser.add_argument("--token-file", type=Path, required=True, help="an operator's token")
    return parser


if __name__ == "__main__":
    sys.exit(main())
