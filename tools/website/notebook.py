"""Execute the notebook of docs/notebooks, and keep its figure for the first page.

``python tools/website/notebook.py`` writes outputs and figure; with ``--check`` it writes nothing, and ends with 1
where a text that the notebook prints is not the one in the file. Figures are not compared: they differ between versions
of matplotlib and its fonts.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebooks" / "results.ipynb"
FIGURE = ROOT / "docs" / "figures" / "errors.png"


def executed(notebook: Path) -> Any:
    """The notebook with new outputs, without times and the names of this machine."""
    node = nbformat.read(notebook, as_version=4)
    NotebookClient(
        node,
        timeout=300,
        # The kernel listens on this machine only; it warns of that on each start.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(notebook.parent)}},
    ).execute()
    for cell in node.cells:
        cell.metadata = {}
    node.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return node


def texts(node: Any) -> list[str]:
    """What the cells print, in order."""
    outputs = [output for cell in node.cells for output in cell.get("outputs", ())]
    return [output["text"] for output in outputs if output["output_type"] == "stream"]


def figures(node: Any) -> list[bytes]:
    """The figures of the cells as PNG, in order."""
    outputs = [output for cell in node.cells for output in cell.get("outputs", ())]
    return [base64.b64decode(each["data"]["image/png"]) for each in outputs if "image/png" in each.get("data", {})]


def main(*options: str) -> int:
    """Write the executed notebook, or compare it with the file."""
    new = executed(NOTEBOOK)
    if "--check" not in options:
        text = json.dumps(new, indent=1, ensure_ascii=False, sort_keys=True)
        NOTEBOOK.write_text(text + "\n", encoding="utf-8")
        FIGURE.write_bytes(figures(new)[0])
        return 0
    old = nbformat.read(NOTEBOOK, as_version=4)
    if texts(new) != texts(old) or not figures(old):
        print(f"{NOTEBOOK.relative_to(ROOT)} prints something else; run: python tools/website/notebook.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
