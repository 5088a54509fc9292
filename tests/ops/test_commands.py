"""Commands do the same through a running server and without one."""

import json
import os
import socket
import stat
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from tests.cast import ADAS_KEY, headers_of
from tests.databases import path_of
from tests.ops.conftest import Done, Type, typed
from tests.servers import RunningServer

TOKENS = "/api/v1/waitpoints/tokens"


def answer_of(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_key_from_the_command_works_at_once(server: RunningServer, beside: Type) -> None:
    """Ada makes a key while the server runs, and uses it."""
    made = answer_of(beside("keys", "new", "--name", "deploys", "--scope", "create", "--json"))

    created = httpx.post(f"{server.url}{TOKENS}", headers=headers_of(made["key"]), json={})
    read = httpx.get(f"{server.url}{TOKENS}", headers=headers_of(made["key"]))

    assert (200, 403) == (created.status_code, read.status_code)


def test_a_revoked_key_is_refused_within_a_second(server: RunningServer, beside: Type) -> None:
    made = answer_of(beside("keys", "new", "--name", "short", "--json"))
    assert 200 == httpx.get(f"{server.url}{TOKENS}", headers=headers_of(made["key"])).status_code

    answer_of(beside("keys", "revoke", made["id"], "--json"))
    if server.database_url.startswith("postgresql"):
        time.sleep(1.1)  # another process made the change: keys are remembered for a second

    assert 401 == httpx.get(f"{server.url}{TOKENS}", headers=headers_of(made["key"])).status_code


def test_keys_are_listed_without_their_secrets(server: RunningServer, beside: Type) -> None:
    made = answer_of(beside("keys", "new", "--name", "listed", "--json"))

    listed = beside("keys", "list")

    assert made["id"] in listed.stdout
    assert made["key"] not in listed.stdout + beside("keys", "list", "--json").stdout
    assert ADAS_KEY not in listed.stdout


def test_without_a_server_the_command_opens_the_database_itself(command: Type) -> None:
    """A key can be made before the first server runs."""
    made = answer_of(command("keys", "new", "--name", "first", "--json"))
    listed = answer_of(command("keys", "list", "--json"))

    assert [("first", made["id"])] == [(key["name"], key["id"]) for key in listed]


def test_a_key_made_without_a_server_is_good_for_the_next_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    key = typed("keys", "new", "--name", "first", database_url=url).stdout.splitlines()[0]

    server = RunningServer(url, tmp_path)
    server.start()
    answer = httpx.get(f"{server.url}{TOKENS}", headers=headers_of(key))
    server.stop()

    assert 200 == answer.status_code


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("keys", "new", "--name", "x", "--environment", "nope"), "there is no environment 'nope'"),
        (("keys", "new", "--name", " "), "needs a name"),
        (("keys", "revoke", "key_nope"), "there is no key 'key_nope'"),
        (("environments", "new", "dev"), "there is an environment 'dev' already"),
        (("environments", "new", "Not Good"), "is no name of an environment"),
        (("people", "link", "nobody@example.com"), "nobody has the address"),
        (("people", "invite", "nobody"), "is no mail address"),
        (("people", "role", "nobody@example.com", "same"), "nobody has the address"),
        (("people", "group", "No Name"), "is no name of a group"),
        (("people", "group", "editors", "--add", "nobody@example.com"), "nobody has the address"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    shared_server: RunningServer, words: tuple[str, ...], reason: str
) -> None:
    """Exit code 1, one line, no traceback."""
    done = typed(*words, database_url=shared_server.database_url)

    assert 1 == done.returncode
    assert reason in done.stderr
    assert 1 == len(done.stderr.splitlines())
    assert "" == done.stdout


def test_a_new_environment_is_ready(server: RunningServer, beside: Type) -> None:
    answer_of(beside("environments", "new", "qa", "--name", "Quality", "--json"))
    key = answer_of(beside("keys", "new", "--environment", "qa", "--name", "tests", "--json"))["key"]

    created = httpx.post(f"{server.url}{TOKENS}", headers=headers_of(key), json={})

    assert key.startswith("tr_qa_sk_")
    assert 200 == created.status_code
    assert created.json()["publicAccessToken"]
    assert {"dev", "prod", "qa"} == {each["slug"] for each in answer_of(beside("environments", "list", "--json"))}


def test_a_sign_in_link_lets_the_first_owner_in(server: RunningServer, beside: Type) -> None:
    """The link that the server printed ends when a newer one is made."""
    printed = next(line.strip() for line in server.log.splitlines() if "/sign-in/" in line)
    url = answer_of(beside("people", "link", "--json", public_url=server.url))["url"]

    stale = httpx.get(server.url + httpx.URL(printed).path)
    with httpx.Client() as browser:
        shown = browser.get(server.url + httpx.URL(url).path)
        browser.post(str(shown.url), headers={"origin": server.url, "sec-fetch-site": "same-origin"})
        inside = browser.get(f"{server.url}/tokens")

    assert url.startswith(server.url)
    assert 200 != stale.status_code
    assert (200, 200) == (shown.status_code, inside.status_code)
    assert ["owner"] == [person["role"] for person in answer_of(beside("people", "list", "--json"))]


def test_people_and_groups_are_looked_after_by_command(server: RunningServer, beside: Type) -> None:
    """Invited, given a role here and there, put into a group, kept out and let in again."""
    invited = answer_of(beside("people", "invite", "Mia@example.com", "--name", "Mia", "--role", "member", "--json"))
    role = answer_of(beside("people", "role", "mia@example.com", "approver", "--environment", "dev", "--json"))
    group = answer_of(beside("people", "group", "editors", "--add", "mia@example.com", "--json"))
    disabled = beside("people", "disable", "mia@example.com")
    shown = answer_of(beside("people", "list", "--json"))
    enabled = beside("people", "enable", "mia@example.com")

    assert ("mia@example.com", "Mia", "member") == (invited["email"], invited["name"], invited["role"])
    assert {"dev": "approver"} == role["roles"]
    assert ["mia@example.com"] == group["members"]
    assert "mia@example.com: member, approver in dev (disabled)" == disabled.stdout.strip()
    assert ["editors"] == shown[-1]["groups"]
    assert "mia@example.com: member, approver in dev" == enabled.stdout.strip()
    assert (
        "group:editors asks nobody yet." in beside("people", "group", "editors", "--remove", "mia@example.com").stdout
    )
    assert 0 == beside("people", "group", "editors", "--delete").returncode
    assert "No group yet" in beside("people", "groups").stdout


def test_the_socket_is_its_owners_alone(make_database: Any, tmp_path: Path) -> None:
    """Nobody else on the machine may administer the server, and nothing of it is left when it stops."""
    with make_database("sqlite") as url:
        server = RunningServer(url, tmp_path)
        server.start()
        path = path_of(url).with_name(path_of(url).name + ".admin")
        is_socket = stat.S_ISSOCK(path.stat().st_mode)
        mode = stat.S_IMODE(path.stat().st_mode)
        server.stop()
        is_left = path.exists()

    assert (True, 0o600, False) == (is_socket, mode, is_left)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_another_user_of_the_machine_is_refused(tmp_path: Path) -> None:
    """Even one who may walk into the folder."""
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o711)
    server = RunningServer(f"sqlite:///{tmp_path / 'w.db'}", tmp_path)
    server.start()
    path = tmp_path / "w.db.admin"

    theirs, ours = knock_as(65534, path), knock_as(os.getuid(), path)
    server.stop()

    assert ("PermissionError", "let in") == (theirs, ours)


def knock_as(user: int, path: Path) -> str:
    """What a process of that user meets at a socket."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(user)
            socket.socket(socket.AF_UNIX).connect(str(path))
            os.write(writer, b"let in")
        except OSError as error:
            os.write(writer, type(error).__name__.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as met:
        return met.read()


def test_a_database_deep_in_folders_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """A socket's address has room for a hundred characters only."""
    folder = tmp_path.joinpath(*["a-folder-with-a-rather-long-name"] * 5)
    folder.mkdir(parents=True)
    url = f"sqlite:///{folder / 'w.db'}"
    with TemporaryDirectory(prefix="t", dir="/tmp") as name:
        temporary = Path(name)
        server = RunningServer(url, tmp_path, {"TMPDIR": name})
        server.start()

        done = typed_in(temporary, "keys", "list", "--json", url=url)
        found = [*temporary.rglob("*.admin")]
        modes = {stat.S_IMODE(path.parent.stat().st_mode) for path in found}
        server.stop()

    assert 0 == done.returncode, done.stderr
    assert (1, {0o700}) == (len(found), modes)


def typed_in(temporary: Path, *words: str, url: str) -> Done:
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(temporary)
    try:
        return typed(*words, database_url=url)
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def test_after_a_kill_commands_and_servers_come_back(server: RunningServer, beside: Type, command: Type) -> None:
    """A socket that a killed server left behind stops nobody."""
    server.kill9()
    alone = command("environments", "list", "--json")

    server.start()

    assert 0 == alone.returncode, alone.stderr
    assert 0 == beside("environments", "list", "--json").returncode


def test_the_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds the secrets that sign."""
    typed("migrate", database_url=f"sqlite:///{tmp_path / 'w.db'}")

    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}


def test_every_command_explains_itself() -> None:
    listed = typed("--help").stdout

    for name in ("serve", "migrate", "backup", "doctor", "keys", "environments", "people", "tokens"):
        done = typed(name, "--help")
        assert name in listed
        assert 0 == done.returncode
        assert f"usage: waitpoint {name}" in done.stdout
