"""What every story needs: a browser, and Ada at the desk. The server comes from `tests.fixtures`."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from e2e.browsers import launch_options
from e2e.cast import AdasProgram, sign_in
from e2e.looking import complaints_of
from tests.servers import RunningServer


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """Start the browser that is here, quietly."""
    return {**browser_type_launch_args, **launch_options()}


@pytest.fixture(scope="session")
def adas_cookies(browser: Browser, shared_server: RunningServer) -> Any:
    """What Ada's browser keeps after she signed in, which she does once."""
    context = browser.new_context()
    sign_in(context.new_page(), shared_server)
    cookies = context.cookies()
    context.close()
    return cookies


@pytest.fixture
def program(shared_server: RunningServer) -> AdasProgram:
    """Ada's program."""
    return AdasProgram(shared_server)


@pytest.fixture
def desk(new_context: Callable[..., BrowserContext], shared_server: RunningServer, adas_cookies: Any) -> Iterator[Page]:
    """Ada at the desk, signed in. Nothing on the way may break a page's scripts or its policy."""
    context = new_context(base_url=shared_server.url)
    context.add_cookies(adas_cookies)
    page = context.new_page()
    complaints = complaints_of(page)
    yield page
    assert [] == complaints
