"""Operating a server: whether all is well, copies of the database, metrics, and the description of its API."""
