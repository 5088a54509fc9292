"""What every route needs of HTTP: problems, strict JSON, bodies, limits, headers."""
