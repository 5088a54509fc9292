"""API keys: shown once, kept as a hash, recognised, revoked; environments are worlds of their own."""

import re
from collections.abc import Callable

import httpx
from sqlalchemy import select

from app import opening
from app.database import Unit
from app.database.tables import metadata
from app.environments import api_keys, environments, signing_keys
from app.environments.signing_keys import PUBLIC_ACCESS
from tests.makers import TOKENS, House, Program, unique
from tests.statements import number_asked


def test_a_key_has_the_form_that_the_official_sdk_knows(house: House) -> None:
    """`tr_<environment>_sk_` and 24 letters and digits; then the SDK never signs by itself."""
    secrets = {house.make_key().secret for _ in range(20)}

    assert 20 == len(secrets)
    assert all(re.fullmatch(r"tr_dev_sk_[0-9a-zA-Z]{24}", secret) for secret in secrets)


def test_only_a_hash_of_a_key_is_kept(house: House) -> None:
    """A copy of the database opens nothing; the list shows a name and the last four characters."""
    key = house.make_key("read")

    assert key.secret not in house.read(_everything)
    (listing,) = (listing for listing in house.read(api_keys.every, house.dev.id) if listing.id == key.id)
    assert ("a read key", "read", key.secret[-4:], False) == (
        listing.name,
        listing.scope,
        listing.last_four,
        listing.is_revoked,
    )
    assert 200 == house.program(key.secret).find().status_code


def test_a_revoked_key_is_refused_from_then_on(house: House, ada: Program) -> None:
    """Revoking twice changes nothing; other keys go on."""
    key, other = house.make_key(), house.make_key()

    assert house.write(api_keys.revoke, key.id) is True
    assert house.write(api_keys.revoke, key.id) is False
    assert house.write(api_keys.revoke, "key_unknown") is False
    house.forget()

    assert [401, 200, 200] == [
        house.program(key.secret).find().status_code,
        house.program(other.secret).find().status_code,
        ada.find().status_code,
    ]


def test_every_way_into_another_environment_is_the_same_404(house: House, ada: Program, cleo: Program) -> None:
    """Byte for byte what an unknown id is answered."""
    token, unknown = ada.make_token(tags=["secret"]), "waitpoint_" + "f" * 36

    ways: list[Callable[[str], httpx.Response]] = [
        lambda token_id: cleo.get(f"{TOKENS}/{token_id}"),
        lambda token_id: cleo.complete(token_id, 1),
        cleo.cancel,
        lambda token_id: cleo.get(f"{TOKENS}/{token_id}/wait?timeout=1s"),
        lambda token_id: cleo.post(f"/engine/v1/runs/run_1/waitpoints/tokens/{token_id}/wait"),
    ]
    for ask in ways:
        theirs, nobodys = ask(token.id), ask(unknown)
        assert (404, nobodys.content) == (theirs.status_code, theirs.content)
    assert {"error", "type", "title", "status", "detail", "code"} == set(cleo.get(token.path).json())
    assert [] == cleo.find_ids(tags="secret")
    assert "WAITING" == ada.show(token)["status"]


def test_a_key_from_the_settings_replaces_the_one_before(house: House) -> None:
    """Changing WAITPOINT_SECRET_KEY ends the old key; keys that were made by hand stay."""
    environment = house.make_environment()
    made = house.make_key("full", environment)
    first, second = (f"tr_{environment.slug}_sk_{letter * 24}" for letter in "ab")

    house.write(api_keys.accept, environment, "WAITPOINT_SECRET_KEY_TEST", first)
    house.write(api_keys.accept, environment, "WAITPOINT_SECRET_KEY_TEST", second)
    house.forget()

    assert [401, 200, 200] == [house.program(key).find().status_code for key in (first, second, made.secret)]


def test_an_environment_is_made_once(house: House) -> None:
    """Asking again finds it."""
    first = house.make_environment()

    assert first == house.write(environments.ensure, first.slug)
    assert first == house.read(environments.get, first.id)
    assert first in house.read(environments.every)


def _everything(db: Unit) -> str:
    return "\n".join(str(tuple(row)) for table in metadata.tables.values() for row in db.execute(select(table)))


def test_a_server_starts_in_as_many_statements_with_many_environments(house: House) -> None:
    """All of them have what signs their public access tokens, and that is seen at once."""
    before = house.write(number_asked, opening._prepare, house.settings)
    bare = [house.write(environments.ensure, unique("e")) for _ in range(3)]

    house.write(opening._prepare, house.settings)

    assert before == house.write(number_asked, opening._prepare, house.settings)
    assert all(house.read(signing_keys.current, PUBLIC_ACCESS, each.id) for each in bare)
