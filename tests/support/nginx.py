"""nginx on loopback with a site of the documents."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needed = pytest.mark.skipif(
    shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None,
    reason="nginx is not installed; on Debian: apt-get install nginx",
)

#: A server without files or logs elsewhere. As root, its workers would be another user, who cannot enter the folder.
_MAIN = """{user}daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{ access_log off; {temporary} include {folder}/site.conf; }}
"""


@contextmanager
def serving(site: str, *, folder: Path, port: int) -> Iterator[None]:
    """nginx with the content of a file of ``conf.d``, which listens on ``port``."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    user = "user root; " if os.geteuid() == 0 else ""
    (folder / "site.conf").write_text(site)
    (folder / "main.conf").write_text(_MAIN.format(user=user, folder=folder, temporary=temporary))
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program is not None
    log = folder / "nginx.log"
    process = subprocess.Popen([program, "-p", str(folder), "-e", str(log), "-c", str(folder / "main.conf")])
    try:
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()
