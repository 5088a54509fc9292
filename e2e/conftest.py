"""What every story needs: a browser, and Ada at the desk. The server comes from `tests.fixtures`."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from e2e.browsers import launch_options
from e2e.cast import AdasProgram, sign_in
from e2e.looking import complaints_of
from tests.databases import DatabaseMaker
from tests.fixtures import running
from tests.postbox import Postbox, open_postbox
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


@pytest.fixture(scope="session")
def postbox() -> Iterator[Postbox]:
    """The mail server of `mailing_server`, and what it was given."""
    with open_postbox() as postbox:
        yield postbox


@pytest.fixture(scope="session")
def mailing_server(
    make_database: DatabaseMaker, postbox: Postbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server that sends mails."""
    with make_database("sqlite") as url:
        settings = {"WAITPOINT_SMTP_URL": postbox.url, "WAITPOINT_MAIL_FROM": "Acme <ask@example.com>"}
        server = RunningServer(url, tmp_path_factory.mktemp("mailing-server"), settings)
        settings["WAITPOINT_PUBLIC_URL"] = server.url
        with running(server):
            yield server


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
