"""A server that is killed while it sends: the mail is not lost, and its reader sees it once."""

from pathlib import Path

import httpx
import pytest

from tests.cast import headers_of
from tests.databases import DatabaseMaker
from tests.makers import TOKENS, unique
from tests.postbox import open_postbox
from tests.servers import RunningServer

pytestmark = pytest.mark.timeout(180)  # whole processes are started, and a busy machine is slow at that


def test_kill_while_a_mail_is_under_way(make_database: DatabaseMaker, tmp_path: Path) -> None:
    """Killed between the mail server's taking it and its saying so. Both messages have one Message-ID."""
    ben, request = f"{unique('ben')}@example.com", {"title": "Publish?"}
    with open_postbox() as postbox, make_database("sqlite") as url:
        settings = {"WAITPOINT_SMTP_URL": postbox.url, "WAITPOINT_MAIL_FROM": "ask@example.com"}
        server = RunningServer(url, tmp_path, settings)
        settings["WAITPOINT_PUBLIC_URL"] = server.url
        server.start()
        postbox.hold()
        body = {"timeout": "1d", "request": {**request, "approvers": [ben]}}
        httpx.post(server.url + TOKENS, json=body, headers=headers_of(server.key), timeout=20).raise_for_status()
        postbox.wait_for(ben)

        server.kill9()
        postbox.let_go()
        server.start()
        postbox.wait_for(ben, 2)
        other = {"timeout": "1d", "request": {**request, "approvers": ["cora@example.com"]}}
        httpx.post(server.url + TOKENS, json=other, headers=headers_of(server.key), timeout=20).raise_for_status()
        postbox.wait_for("cora@example.com")
        server.stop()

    assert 2 == len(postbox.to(ben))
    assert 1 == len({message["message-id"] for message in postbox.to(ben)})
