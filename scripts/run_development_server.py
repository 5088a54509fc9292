"""Serve from this checkout, with a database and a secret key kept in the git-ignored `.waitpoint/`."""

import os
import secrets
import string
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".waitpoint"
KEY_ALPHABET = string.ascii_letters + string.digits
KEY_LENGTH = 24  # the form that the official SDK recognises, CONTRACT: tr_dev_sk_ + 24 characters


def main() -> None:
    """Replace this process with the server. What the environment already says is left as it is."""
    HOME.mkdir(mode=0o700, exist_ok=True)
    HOME.chmod(0o700)
    os.environ.setdefault("WAITPOINT_DATABASE_URL", f"sqlite:///{HOME / 'waitpoint.sqlite3'}")
    os.environ.setdefault("WAITPOINT_SECRET_KEY", development_key(HOME / "secret-key"))

    port = os.environ.get("PORT", "8000")
    waitpoint = str(Path(sys.executable).parent / "waitpoint")
    os.execv(waitpoint, [waitpoint, "serve", "--host", "127.0.0.1", "--port", port, "--show-key"])


def development_key(path: Path) -> str:
    """The key in `path`, made on the first call; only its owner can read the file."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = "tr_dev_sk_" + "".join(secrets.choice(KEY_ALPHABET) for _ in range(KEY_LENGTH))
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    return key


if __name__ == "__main__":
    main()
