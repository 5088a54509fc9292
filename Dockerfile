# The server, from this checkout. Data of the embedded SQLite lives in /data; WAITPOINT_DATABASE_URL names another database.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /src
COPY . .
RUN uv sync --frozen --extra server --no-default-groups --no-editable --no-cache

FROM python:3.13-slim
RUN useradd --create-home --uid 1000 waitpoint && install -d -o waitpoint -m 0700 /data
COPY --from=build /src/.venv /src/.venv
USER waitpoint
VOLUME /data
EXPOSE 8000
ENV PATH=/src/.venv/bin:$PATH WAITPOINT_DATABASE_URL=sqlite:////data/waitpoint.sqlite3
HEALTHCHECK CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz')"]
CMD ["waitpoint", "serve", "--host", "0.0.0.0", "--port", "8000"]
