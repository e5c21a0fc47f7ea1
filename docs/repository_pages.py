"""Shows what pages link to outside of the documentation: files and folders of the repository.

On GitHub ``[replay.py](../jsongle_server/replay.py)`` is a link to the file. In the built documentation it becomes a
link to a page that shows that file, with its syntax highlighted, or lists that folder. A link that leads nowhere stays
as it is, and Sphinx warns of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Final

from docutils import nodes
from pygments.lexers import get_lexer_for_filename
from pygments.util import ClassNotFound
from sphinx import addnodes
from sphinx.application import Sphinx

DOCS: Final = Path(__file__).resolve().parent
ROOT: Final = DOCS.parent

FOLDER: Final = "repository"
"""Where the pages are, among those of the documentation."""

HIDDEN: Final = (".", "__pycache__", "node_modules")
"""How the names of what a folder's page leaves out begin."""

Page = tuple[str, dict[str, Any], str]
"""A page as Sphinx takes it: its name, what the template needs, and the template."""


class Links:
    """Leads links to the repository to pages of their own.

    :ivar linked: the files and folders that pages have linked to so far.
    """

    def __init__(self) -> None:
        self.linked: set[Path] = set()

    def redirect(self, app: Sphinx, page: nodes.document) -> None:
        """Changes those links of a page that lead out of the documentation; handles ``doctree-read``."""
        name = app.env.docname
        for link in list(
            page.findall(lambda node: isinstance(node, addnodes.pending_xref | addnodes.download_reference))
        ):
            path = target(link, name)
            if path is not None:
                self.linked.add(path)
                uri = app.builder.get_relative_uri(name, page_name(path))
                link.replace_self(nodes.reference("", "", *link.children, internal=True, refuri=uri))

    def pages(self, app: Sphinx) -> Iterator[Page]:
        """Makes the pages that the links lead to, and those that these lead to; handles ``html-collect-pages``."""
        waiting, made = sorted(self.linked), set[Path]()
        while waiting:
            path = waiting.pop()
            if path in made:
                continue
            made.add(path)
            if path.is_dir():
                entries = contents(path)
                waiting += entries
                body = listing(app, path, entries)
            else:
                body = highlighted(app, path)
            title = path.relative_to(ROOT).as_posix()
            yield page_name(path), {"title": title, "body": f"<h1>{escape(title)}</h1>{body}"}, "page.html"


def target(link: nodes.Element, page: str) -> Path | None:
    """The file or folder of the repository that a link of a page leads to; None for any other link."""
    written = link["reftarget"].partition("#")[0]
    # MyST takes any Markdown file for a page, and names it without its suffix.
    path = Path(f"{written}.md") if link.get("refdomain") == "doc" else (DOCS / page).parent / written
    path = path.resolve()
    inside = path.is_relative_to(ROOT) and not path.is_relative_to(DOCS)
    return path if written and inside and path.exists() else None


def page_name(path: Path) -> str:
    """The name of the page for a file or folder."""
    name = f"{FOLDER}/{path.relative_to(ROOT).as_posix()}"
    return f"{name}/index" if path.is_dir() else name


def contents(folder: Path) -> list[Path]:
    """What a folder's page lists: folders first, by name."""
    shown = (path for path in folder.iterdir() if not path.name.startswith(HIDDEN))
    return sorted(shown, key=lambda path: (path.is_file(), path.name))


def listing(app: Sphinx, folder: Path, entries: list[Path]) -> str:
    """A list of links to what is in a folder."""
    items = []
    for path in entries:
        uri = app.builder.get_relative_uri(page_name(folder), page_name(path))
        items.append(f'<li><a href="{escape(uri)}">{escape(path.name)}{"/" if path.is_dir() else ""}</a></li>')
    return f"<ul>{''.join(items)}</ul>"


def highlighted(app: Sphinx, path: Path) -> str:
    """The text of a file, its syntax highlighted where it is known; of a file that is no text, its size."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return f"<p>{path.stat().st_size:,} bytes</p>"
    try:
        language = get_lexer_for_filename(path.name).aliases[0]
    except (ClassNotFound, IndexError):
        language = "text"
    block: str = app.builder.highlighter.highlight_block(text, language, location=page_name(path))
    return block


def setup(app: Sphinx) -> dict[str, bool]:
    """Tells Sphinx of the extension."""
    links = Links()
    # Before Sphinx collects what is to be downloaded, at 500: it would copy the files.
    app.connect("doctree-read", links.redirect, priority=400)
    app.connect("html-collect-pages", links.pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
