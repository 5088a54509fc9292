"""What only `tests/` needs; everything shared with the browser stories is in `fixtures.py`."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Coroutines marked `@pytest.mark.anyio` run on asyncio, as the server does."""
    return "asyncio"
