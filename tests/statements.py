"""What a database is asked: how much must not grow with how many there are of anything."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from app.database import Prepared, Unit


@contextmanager
def asked_of(db: Unit) -> Iterator[list[str]]:
    """The statements that are carried out by this unit inside the block; one for many rows counts once."""
    statements: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    def heard(run: Callable[..., Any]) -> Callable[..., Any]:
        def run_and_hear(self: Prepared, connection: Any, parameters: Any) -> Any:
            if connection is db.connection:
                statements.append(str(self._statement))
            return run(self, connection, parameters)

        return run_and_hear

    event.listen(db.connection, "before_cursor_execute", hear)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepared, "run", heard(Prepared.run))
        patch.setattr(Prepared, "run_for_each", heard(Prepared.run_for_each))
        yield statements
    event.remove(db.connection, "before_cursor_execute", hear)


def number_asked(db: Unit, function: Callable[..., Any], *arguments: Any) -> int:
    """How many statements a function needs."""
    with asked_of(db) as statements:
        function(db, *arguments)
        db.flush()
    return len(statements)
