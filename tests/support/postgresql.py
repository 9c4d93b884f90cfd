"""A PostgreSQL server on loopback for the time of the tests."""

from __future__ import annotations

import gc
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from support.serving import free_port


def _program(name: str) -> str | None:
    """The path of one of PostgreSQL's programs; None where it is not installed."""
    # Debian keeps the programs of each version in a folder of its own.
    return shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )


needed = pytest.mark.skipif(
    _program("initdb") is None or _program("postgres") is None,
    reason="PostgreSQL is not installed; on Debian: apt-get install postgresql",
)


@contextmanager
def server(*, password: str | None = None, certificate: Path | None = None) -> Iterator[str]:
    """The server's address, ``postgresql://tests@127.0.0.1:<port>``; :func:`database` makes databases.

    Parameters
    ----------
    password : of the superuser ``tests``; then every role needs one. It must be in PGPASSWORD or PGPASSFILE.
    certificate : a PEM file with a certificate and its key; then connections must be encrypted.
    """
    initdb, postgres = _program("initdb"), _program("postgres")
    assert initdb is not None
    assert postgres is not None
    # PostgreSQL refuses to run as root, and its user cannot enter the tests' own folders.
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    shutil.chown(folder, user)
    as_user = (
        {"user": user, "group": pwd.getpwnam(user).pw_gid, "cwd": folder} if os.geteuid() == 0 else {"cwd": folder}
    )
    data, port, log = folder / "data", free_port(), folder / "log"
    try:
        make = [initdb, "--pgdata", str(data), "--username", "tests", "--no-sync", "--encoding", "UTF8"]
        if password is None:
            make += ["--auth", "trust"]
        else:
            file = folder / "password"
            file.write_text(password)
            shutil.chown(file, user)
            make += ["--auth", "scram-sha-256", "--pwfile", str(file)]
        subprocess.run(make, check=True, capture_output=True, **as_user)
        command = [postgres, "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                   "-c", "unix_socket_directories=", "-c", "fsync=off"]  # fmt: skip
        if certificate is not None:
            own = folder / "certificate.pem"
            own.write_bytes(certificate.read_bytes())
            own.chmod(0o600)
            shutil.chown(own, user)
            command += ["-c", "ssl=on", "-c", f"ssl_cert_file={own}", "-c", f"ssl_key_file={own}"]
            (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, **as_user)
        try:
            # The certificate may be for another name than this address.
            encryption = "prefer" if certificate is None else "require"
            yield _ready(f"postgresql://tests@127.0.0.1:{port}", process, log, sslmode=encryption)
        finally:
            # A fast shutdown: with SIGTERM it would wait for its clients.
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ready(address: str, process: subprocess.Popen[bytes], log: Path, **options: str) -> str:
    """The address, once the server answers there."""
    import psycopg

    for _ in range(300):
        try:
            psycopg.connect(f"{address}/postgres", **options).close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return address
    raise AssertionError(log.read_text())


def database(address: str, name: str) -> str:
    """The address of a new, empty database."""
    import psycopg

    connection = psycopg.connect(f"{address}/postgres")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
    finally:
        connection.close()
    return f"{address}/{name}"


def close_connections() -> None:
    """Close the pooled connections of Optuna and MLflow, which live as long as the process: psycopg warns of them."""
    for thing in gc.get_objects():
        if type(thing) is Engine and thing.dialect.name == "postgresql":
            thing.dispose()
