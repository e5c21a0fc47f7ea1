"""What is done with any page: looking at it as axe-core does, and as whoever reads the documentation will."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import BrowserCase
from tests.daemons import DEADLINE

ADMIN_TOKEN: Final = "an-admin-token-for-tests"

GRAVE: Final = {"serious", "critical"}
"""How bad a fault has to be, in axe-core's words, to fail a test."""


class PageCase(BrowserCase):
    """Visits pages, and looks at them."""

    def assert_accessible(self, page: Page, state: str) -> None:
        """Finds nothing grave on a page as it is, for whoever cannot see it well, or cannot point.

        :param state: how to call what is looked at.
        """
        violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
        found = [
            f"{state}: {each['id']} ({each['impact']}): {node['failureSummary']}: {node['html'][:200]}"
            for each in violations
            if each["impact"] in GRAVE
            for node in each["nodes"]
        ]
        self.assertFalse(found, "\n".join(found))

    def shoot(self, page: Page, name: str) -> Path:
        """Takes a picture of what a page shows: into the folder that the variable ``SCREENSHOTS`` names, if any.

        :param name: that of the file, without its end.
        """
        path = Path(os.environ.get("SCREENSHOTS", self.folder)) / f"{name}.png"
        page.screenshot(path=path, animations="disabled", caret="hide")
        return path


def listed(rest: str, what: str) -> list[dict[str, Any]]:
    """What an administrator is told of the server.

    :param rest: the address of its REST interface.
    :param what: ``sessions`` or ``rooms``.
    """
    request = Request(f"{rest}/{what}", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    with urlopen(request, timeout=DEADLINE) as answer:
        found: list[dict[str, Any]] = json.load(answer)[what]
        return found
