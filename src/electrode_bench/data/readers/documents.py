"""InsertionElectrodeDoc documents as JSON: lines, arrays or a service's answer, in one file or a folder of files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from electrode_bench.core.schema import ID
from electrode_bench.data.limits import check_rows
from electrode_bench.data.notation.refusals import shown
from electrode_bench.data.readers.base import RAW_COLUMNS, SOURCE_COLUMNS, Contents, Reader, Reject, Row, reject
from electrode_bench.data.readers.columns import DOCUMENT, EXPLORER, Search, matching
from electrode_bench.data.readers.json_text import Damaged, documents
from electrode_bench.errors import UserError

_ID_AT = len(SOURCE_COLUMNS) + RAW_COLUMNS.index(ID)

#: Documents have some fifty fields.
_MOST_FIELDS = 100_000


def read(files: Sequence[Path], root: Path) -> Contents:
    """What the documents contain; see :class:`~electrode_bench.data.readers.base.Reader`."""
    rows: list[Row] = []
    rejects: list[Reject] = []
    search = Search(files[0])
    names: dict[str, str | None] = {}
    for path in files:
        name = str(path.relative_to(root))
        for line, document in documents(path):
            if isinstance(document, Damaged):
                rejects.append(reject(name, line, "", document.reason))
            else:
                document = _completed(document)
                # Documents may lack fields that others have: together they make the header.
                for field in [field for field in document if field not in names]:
                    names[field] = search.add(field)
                if len(names) > _MOST_FIELDS:
                    raise UserError(f"{path}: the documents have more than {_MOST_FIELDS:,} different fields")
                values = [document.get(search.found.get(column, "")) for column in RAW_COLUMNS]
                odd = [column for column, value in zip(RAW_COLUMNS, values, strict=True) if not _is_whole_text(value)]
                if odd:
                    named = "" if ID in odd else values[RAW_COLUMNS.index(ID)]
                    rejects.append(reject(name, line, named, f"{odd[0]} holds half of a character (a lone surrogate)"))
                else:
                    rows.append((name, line, *values))
            check_rows(len(rows) + len(rejects), path)
    if not rows and not rejects:
        raise UserError(f"{files[0] if len(files) == 1 else root} has no documents; download it again")
    if rows and not search.found:
        raise UserError(
            f"{files[0]} holds no electrode: its first object has the fields {_some(names)}; give electrodes"
        )
    if rows:
        if isinstance(rows[0][_ID_AT], (dict, list)):
            raise UserError(
                f"{files[0]} holds whole columns; write one object for each row, in pandas orient='records'"
            )
        search.check(list(names), max((DOCUMENT, EXPLORER), key=lambda layout: matching(names, layout)))
    return Contents(rows, rejects, search.conversions)


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with what the Materials Project has elsewhere than tables: the battery's id and the licence."""
    added: dict[str, Any] = {}
    notes, materials = document.get("builder_meta"), document.get("material_ids")
    if document.get("license") is None and isinstance(notes, dict) and notes.get("license") is not None:
        added["license"] = notes["license"]
    if document.get("battery_id") is None and isinstance(materials, list):
        # As emmet-core makes it.
        ids = [one for one in materials if isinstance(one, str) and not one.startswith("mvc")]
        if ids:
            added["battery_id"] = f"{min(ids, key=_age)}_{document.get('working_ion')}"
    return {**document, **added} if added else document


def _age(material_id: str) -> tuple[bool, int, str]:
    """The order of the Materials Project's ids: numbers (``mp-149``) came before letters (``mp-aaaaccyz``)."""
    number = material_id.rpartition("-")[2]
    return not number.isdigit(), len(number), number


def _some(names: Iterable[str]) -> str:
    return ", ".join(f"'{shown(name)}'" for name in islice(names, 5)) or "none"


def _is_whole_text(value: Any) -> bool:
    """False for text that cannot be written, which JSON can hold as an escape."""
    if not isinstance(value, str) or value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


READER = Reader(
    name="documents",
    title="InsertionElectrodeDoc documents",
    suffixes=(".jsonl.gz", ".jsonl", ".json.gz", ".json", ".ndjson"),
    read=read,
    many_files=True,
)
