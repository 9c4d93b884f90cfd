"""A saved model as one small file: a compressed archive with the same bytes for the same content."""

from __future__ import annotations

import io
import lzma
import tarfile
from pathlib import Path

from electrode_bench.core.sealed import content_files
from electrode_bench.errors import UserError

#: Settings of the compression: the file is written once and read often.
_PRESET = 9 | lzma.PRESET_EXTREME


def pack(folder: Path) -> bytes:
    """The files below ``folder`` as a tar archive compressed by LZMA, without times, owners and permissions.

    Hidden files and the checksums of a cache are left out.
    """
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in content_files(folder):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as stream:
                archive.addfile(entry, stream)
    return lzma.compress(content.getvalue(), format=lzma.FORMAT_XZ, check=lzma.CHECK_SHA256, preset=_PRESET)


def unpack(archive: Path, folder: Path) -> None:
    """Extract what :func:`pack` wrote into an existing folder.

    Raises
    ------
    UserError
        When the file is missing or damaged.
    """
    try:
        with tarfile.open(archive, mode="r:xz") as opened:
            opened.extractall(folder, filter="data")
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError) as error:
        raise UserError(f"{archive} cannot be read ({error}); install electrode-bench again") from error
