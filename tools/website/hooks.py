"""What MkDocs is told about this repository: pages that lie outside docs/, and links that lead there.

The documents link to each other as files of the repository, so that they can be read without a site. A link to a file
that is no page of the site becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]

#: Documents outside docs/, and where the site has them.
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "src/electrode_bench/pretrained/README.md": "model-card.md",
}
#: What other files of the repository are on the site.
STANDS_FOR = {"README.md": "index.md"}

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_FENCED = re.compile(r"(^```.*?^```)", flags=re.DOTALL | re.MULTILINE)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the documents outside docs/, and the notebooks as pages."""
    from mkdocs.structure.files import File

    for path, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text(encoding="utf-8")))
    for notebook in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        for name, content in notebook_page(notebook).items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Point links at pages of the site."""
    uri = page.file.src_uri
    outside = {place: path for path, place in PAGES.items()}
    return relinked(markdown, source=outside.get(uri, f"docs/{uri}"), page=uri)


def on_post_build(*, config: MkDocsConfig) -> None:
    """Remove the page that a server would answer with: its links start at the root of a host."""
    (Path(config.site_dir) / "404.html").unlink()


def relinked(markdown: str, *, source: str, page: str) -> str:
    """A document whose links to files lead to pages of the site; code blocks stay as they are.

    Parameters
    ----------
    source : the document's place in the repository, from which its links start.
    page : its place on the site.
    """

    def moved(link: re.Match[str]) -> str:
        image, text, target = link.groups()
        path, _, anchor = target.partition("#")
        if "://" in target or not path:
            return link[0]
        place = _place(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
        if place is None:
            return text
        relative = posixpath.relpath(place, posixpath.dirname(page) or ".")
        return f"{image}[{text}]({relative}{'#' if anchor else ''}{anchor})"

    parts = _FENCED.split(markdown)
    return "".join(part if part.startswith("```") else _LINK.sub(moved, part) for part in parts)


def _place(path: str) -> str | None:
    """Where the site has a file of the repository; None where it has not."""
    if path in PAGES or path in STANDS_FOR:
        return PAGES.get(path) or STANDS_FOR[path]
    if not path.startswith("docs/"):
        return None
    inside = path.removeprefix("docs/")
    if (ROOT / path).is_dir():
        return f"{inside}/README.md"
    return inside.removesuffix(".ipynb") + ".md" if inside.endswith(".ipynb") else inside


def notebook_page(notebook: Path) -> dict[str, str | bytes]:
    """A notebook with its outputs as a Markdown page, and its figures, by file name."""
    from nbconvert.exporters import MarkdownExporter

    text, resources = MarkdownExporter().from_filename(str(notebook))
    figures = {str(name): bytes(content) for name, content in resources["outputs"].items()}
    return {f"{notebook.stem}.md": str(text), **figures}
