"""`waitpoint mail test`: a mail goes out, or the operator hears why not."""

import json
from pathlib import Path

from tests.ops.conftest import typed
from tests.postbox import open_postbox


def test_a_mail_is_sent_and_its_id_told(tmp_path: Path) -> None:
    with open_postbox() as postbox:
        done = typed(
            *("mail", "test", "Ben@example.com", "--json"),
            database_url=f"sqlite:///{tmp_path / 'w.db'}",
            smtp_url=postbox.url,
            mail_from="Acme <ask@example.com>",
            public_url="https://wait.example.com",
        )

        (message,) = postbox.to("ben@example.com")
    assert 0 == done.returncode, done.stderr
    assert {"to": "ben@example.com", "message_id": message["message-id"]} == json.loads(done.stdout)


def test_without_a_mail_server_the_command_says_what_to_set(tmp_path: Path) -> None:
    done = typed("mail", "test", "ben@example.com", database_url=f"sqlite:///{tmp_path / 'w.db'}")

    assert 1 == done.returncode
    assert "WAITPOINT_SMTP_URL" in done.stderr
