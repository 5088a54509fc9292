"""What every story needs: a browser. The server comes from `tests.fixtures`."""

import pytest

from e2e.browsers import launch_options


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """Start the browser that is here, quietly."""
    return {**browser_type_launch_args, **launch_options()}
