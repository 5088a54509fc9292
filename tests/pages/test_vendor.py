"""What is vendored is what was published."""

import hashlib
import re

from app.paths import STATIC
from scripts.vendor_htmx import PARTS, VERSION


def test_the_bundle_is_the_one_that_was_checked() -> None:
    """The checksum beside the file, the file, and the version in the script agree."""
    readme = (STATIC / "vendor" / "README.md").read_text()
    bundle = (STATIC / "vendor" / "htmx.js").read_bytes()

    noted = dict(re.findall(r"\| `([^`]+)` \| `([0-9a-f]{64})` \|", readme))

    assert noted.pop("htmx.js") == hashlib.sha256(bundle).hexdigest()
    assert noted == {name.removeprefix("package/"): checksum for name, checksum in PARTS.items()}
    assert f"htmx.org {VERSION}" in readme
    assert f'"{VERSION}"'.encode() in bundle or f"'{VERSION}'".encode() in bundle
