"""Alembic's door. The connection and the metadata are handed in: this file imports neither server nor SDK."""

from typing import Any, Literal

from alembic import context


def plain_types(kind: str, column_type: Any, _context: Any) -> str | Literal[False]:
    """Our own column types are written down as what they are in the database."""
    plain = getattr(column_type, "impl", None)
    return (
        f"sa.{plain!r}"
        if kind == "type" and plain is not None and type(column_type).__module__.startswith(("app", "waitpoint"))
        else False
    )


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    render_as_batch=True,
    render_item=plain_types,
    transaction_per_migration=False,
    include_object=lambda _object, name, kind, _reflected, _compared: (kind, name) != ("table", "alembic_version"),
)
with context.begin_transaction():
    context.run_migrations()
