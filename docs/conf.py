"""How Sphinx builds the documentation: ``make docs``, into ``build/docs``.

The pages are Markdown that GitHub shows as well as Sphinx does. Nothing is fetched while they are built, and a reader's
browser fetches nothing from anywhere else.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parent
sys.path.insert(0, str(DOCS))  # for the extension beside this file

_VERSION: Final = re.compile(r'^__version__(?:: Final)? = "([^"]+)"$', re.MULTILINE)
_PACKAGE: Final = (DOCS.parent / "jsongle_server" / "__init__.py").read_text(encoding="utf-8")

project = "JSONgle-Server"
author = "JSONgle-Server contributors"
copyright = author  # Sphinx's name for what the foot of a page says
version = release = "".join(_VERSION.findall(_PACKAGE))

extensions = ["myst_parser", "repository_pages"]
exclude_patterns = ["_static"]

# Headings get the anchors that GitHub gives them, so that links to them work in both places.
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
