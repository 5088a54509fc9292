"""Serve from this checkout, with a database and a secret key kept in the git-ignored `.waitpoint/`."""

import os
import sys
from pathlib import Path

from waitpoint._cli_dev import furnish

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".waitpoint"


def main() -> None:
    """Replace this process with the server. What the environment already says is left as it is."""
    furnish(HOME)

    port = os.environ.get("PORT", "8000")
    waitpoint = str(Path(sys.executable).parent / "waitpoint")
    os.execv(waitpoint, [waitpoint, "serve", "--host", "127.0.0.1", "--port", port, "--show-key"])


if __name__ == "__main__":
    main()
