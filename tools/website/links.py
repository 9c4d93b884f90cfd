"""Check a built site: every link leads somewhere, and nothing is fetched from another host.

``python tools/website/links.py site`` lists what is wrong; 1 when anything is. MkDocs checks the links of the
documents; this checks what it made of them, with the navigation and the API's pages.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes that a browser fetches by itself.
_FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
#: Links of a head that a browser does not fetch.
_NAMED_ONLY = {"canonical", "next", "prev", "edit"}


@dataclass
class _Content(HTMLParser):
    """The anchors, links and fetched files of a page."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value for name, value in attrs if value}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        for name, value in named.items():
            if (tag, name) in _FETCHED and named.get("rel") not in _NAMED_ONLY:
                self.fetched.append(value)
            elif (tag, name) == ("a", "href"):
                self.links.append(value)


def problems(site: Path) -> list[str]:
    """What is wrong with a built site, one line each."""
    pages = {path.resolve(): _read(path) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, content in pages.items():
        name = path.relative_to(site.resolve())
        found += [f"{name}: {target} is on another host" for target in content.fetched if urlsplit(target).netloc]
        for target in [*content.links, *content.fetched]:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file():
                found.append(f"{name}: {target} leads nowhere")
            elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].anchors:
                found.append(f"{name}: {target} names no place of that page")
    return found


def _read(path: Path) -> _Content:
    content = _Content()
    content.feed(path.read_text(encoding="utf-8"))
    return content


def main(site: Path) -> int:
    """Print the problems and their number."""
    found = problems(site)
    print("\n".join([*found, f"{len(list(site.rglob('*.html')))} pages, {len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
