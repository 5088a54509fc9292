"""Fetch htmx and its websocket extension, check them, and lay them in static/vendor as one file.

    python scripts/vendor_htmx.py

One file, because two deferred scripts race: htmx starts to look for its elements before the
extension has registered, and the websocket then never opens. A new version is three constants.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "4.0.1"
PARTS = {
    "package/dist/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "package/dist/ext/hx-ws.min.js": "a7c11e4eca05417d6299bb40aaacca01572e44605389fc4d5ef12be408a4d03b",
}
VENDOR = Path(__file__).parent.parent / "static" / "vendor"


def main() -> int:
    """Write static/vendor/htmx.js and its README, or say what did not match."""
    with tempfile.TemporaryDirectory() as folder:
        pack = f"htmx.org@{VERSION}"
        subprocess.run(["npm", "pack", "--silent", pack], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        archive = Path(folder) / f"htmx.org-{VERSION}.tgz"
        try:
            bundle = joined(archive)
        except ValueError as problem:
            print(problem, file=sys.stderr)
            return 1
    VENDOR.mkdir(parents=True, exist_ok=True)
    (VENDOR / "htmx.js").write_bytes(bundle)
    (VENDOR / "README.md").write_text(readme(bundle), encoding="utf-8")
    print(f"static/vendor/htmx.js: htmx {VERSION}, {len(bundle)} bytes")
    return 0


def joined(archive: Path) -> bytes:
    """The parts, checked, one behind the other. Source map comments go: the maps are not here."""
    parts = []
    with tarfile.open(archive) as tar:
        for name, expected in PARTS.items():
            member = tar.extractfile(name)
            body = member.read() if member else b""
            found = hashlib.sha256(body).hexdigest()
            if found != expected:
                raise ValueError(f"{name}: expected sha256 {expected}, found {found}")
            lines = [line for line in body.splitlines() if not line.startswith(b"//# sourceMappingURL")]
            parts.append(b"\n".join(lines))
    return b";\n".join(parts) + b"\n"


def readme(bundle: bytes) -> str:
    rows = "\n".join(f"| `{name.removeprefix('package/')}` | `{checksum}` |" for name, checksum in PARTS.items())
    return f"""# Vendored scripts

`htmx.js` is htmx and its websocket extension as published, joined into one file by `scripts/vendor_htmx.py`,
which checks both parts and writes this page. Licence: 0BSD.

htmx.org {VERSION}

| part | sha256 |
| --- | --- |
{rows}
| `htmx.js` | `{hashlib.sha256(bundle).hexdigest()}` |
"""


if __name__ == "__main__":
    sys.exit(main())
