"""Storage. Everything that differs between SQLite and PostgreSQL lives in this package.

Domain functions are plain synchronous functions `fn(db, …)` over a `Unit`; `Database.write`
runs them in the one writer thread of the process and answers after the durable commit,
`Database.read` runs them on a read connection. See docs/explanation/storage.md.
"""

from .database import Database
from .failures import DatabaseUnavailable, StorageFull
from .foresight import ahead_of, look_ahead
from .prepared import Prepared
from .unit import Record, Unit
from .writer import LAST

__all__ = [
    "LAST",
    "Database",
    "DatabaseUnavailable",
    "Prepared",
    "Record",
    "StorageFull",
    "Unit",
    "ahead_of",
    "look_ahead",
]
