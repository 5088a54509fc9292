"""Write a migration from what the models say: `python scripts/new_migration.py "add a colour to tokens"`."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from app import models  # noqa: F401 - the models must be known before they are compared
from app.database import migrating, schema
from app.database.engines import parse_url, writing_engine

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        engine = writing_engine(parse_url(f"sqlite:///{folder}/empty.db"))
        if list((Path(schema.__file__).parent / "migrations" / "versions").glob("*.py")):
            schema.migrate(engine)
        with engine.begin() as connection:
            migrating.new_revision(connection, sys.argv[1])
