"""Each state of each page as axe-core finds it, in both colours and on both sizes of screen; pictures for the docs."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import Page, expect

from tests.browser import DESKTOP, PHONE, until
from tests.browser_dashboard import DashboardCase
from tests.browser_demo import DemoCase, part, texts
from tests.browser_history import remembering
from tests.browser_pages import ADMIN_TOKEN

LOOKS: Final[tuple[dict[str, Any], ...]] = tuple(
    {"size": size, "scheme": scheme} for size in (DESKTOP, PHONE) for scheme in ("light", "dark")
)
"""Each combination of a size and colours."""

FEW: Final = LOOKS[::3]
"""Each size and each scheme of colours once, for pages in which there is much to look at."""

WIDTH: Final = "() => document.querySelector('[data-testid=remote-video]').videoWidth"

NEXT_FRAME: Final = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def named(look: dict[str, Any]) -> str:
    """A look in words."""
    return f"{'phone' if look['size'] == PHONE else 'desktop'}, {look['scheme']}"


def dress(page: Page, look: dict[str, Any]) -> None:
    """Gives a page that is open another size and other colours."""
    page.set_viewport_size(look["size"])
    page.emulate_media(color_scheme=look["scheme"])
    page.evaluate(NEXT_FRAME)  # until then the colours are on their way


class DemoLooksTests(DemoCase):
    """The demo."""

    def test_start(self) -> None:
        """The form before a call, with a problem in it, and waiting for somebody have no grave fault."""
        page = self.start(camera=False)
        part(page, "turn-on").click()
        expect(part(page, "problem")).to_be_visible()
        self.assert_all_accessible(page, "start")
        page.locator("label", has=part(page, "source-picture")).click()
        part(page, "join").click()
        expect(part(page, "room-link")).to_be_visible()
        self.assert_all_accessible(page, "waiting")

    def test_call(self) -> None:
        """A call with a chat has no grave fault; its pictures are taken, on a desktop and on a phone."""
        alice = self.enter("Alice", source="picture")
        expect(part(alice, "room-link")).to_be_visible()
        bob = self.enter("Bob", source="picture", size=PHONE)
        for page in (alice, bob):
            self.assert_moving(page)
        for sender, text in ((alice, "Hi Bob, can you see me?"), (bob, "Loud and clear. And me?")):
            part(bob, "toggle-chat").click()
            self.say(sender, text)
            for page in (alice, bob):
                expect(texts(page).filter(has_text=text)).to_have_count(1)
            self.assert_accessible(bob, "chat on a phone")
            bob.get_by_role("button", name="Close the chat").click()
        until(alice, lambda: alice.evaluate(WIDTH) >= 640, "a picture that is sharp, as the line turns out to be wide")
        self.shoot(alice, "demo-desktop")
        self.shoot(bob, "demo-phone")
        self.assert_all_accessible(alice, "call", FEW)

    def assert_all_accessible(self, page: Page, state: str, looks: tuple[dict[str, Any], ...] = LOOKS) -> None:
        """Finds nothing grave on a page in any look."""
        for look in looks:
            dress(page, look)
            self.assert_accessible(page, f"{state}, {named(look)}")


class DashboardLooksTests(DashboardCase):
    """The dashboard."""

    def test_door(self) -> None:
        """The form that asks for a token has no grave fault, also once it has refused one."""
        self.serve()
        self.faults.expect("status of 401")
        page = self.visitor()
        page.goto(self.rest)
        for look in LOOKS:
            dress(page, look)
            self.assert_accessible(page, f"door, {named(look)}")
        self.offer(page, "a-token-that-is-wrong")
        expect(part(page, "token-problem")).to_be_visible()
        self.assert_accessible(page, "door, refused")

    def test_live(self) -> None:
        """With data in it the page has no grave fault, nor has its dialog."""
        self.serve()
        page = self.open()
        self.fill(page)
        for look in FEW:
            dress(page, look)
            self.assert_accessible(page, f"live, {named(look)}")
        part(page, "end-session").first.click()
        self.assert_accessible(page, "dialog")

    def test_picture(self) -> None:
        """Its picture is taken, with a past that shows what the charts are for."""
        self.serve()
        page = self.visitor(size={"width": 1280, "height": 1000})
        page.add_init_script(remembering(seconds=2))
        page.goto(self.rest)
        self.offer(page, ADMIN_TOKEN)
        expect(self.chart(page, "errors")).to_contain_text("429001")
        self.fill(page)
        page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
        self.shoot(page, "dashboard")

    def fill(self, page: Page) -> None:
        """Has the page show people, rooms, errors and messages."""
        part(page, "trace-toggle").click()
        names = ("Alice", "Bob", "Carol", "Dave")
        clients = [self.client(name.lower(), dn=name, room="calm-otter-123") for name in names]
        self.client("erin", dn="Erin", room="brave-heron-7")
        for client in clients:
            client.say("calm-otter-123", "session-text", namespace="message", description={"content": "Hello"})
        clients[0].ask("leave", rid="never-joined")
        expect(part(page, "session-row")).to_have_count(5)
        expect(self.chart(page, "errors")).to_contain_text("404002")
        expect(part(page, "trace-row").filter(has_text="session-text").first).to_be_visible()
