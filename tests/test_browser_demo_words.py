"""What the demo says where something is missing, what it takes for text, and that a keyboard is enough for it."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser import DESKTOP, FAR_NAME, until
from tests.browser_demo import DemoCase, part, texts
from tests.browser_probe import connection_states

SMALL_PHONE: Final[ViewportSize] = {"width": 360, "height": 640}

MARKUP: Final = "<img src=x onerror=alert(1)><script>alert(2)</script>&amp;"

WATCH_DRAWING: Final = """() => {
    const { fillText } = CanvasRenderingContext2D.prototype;
    globalThis.drawn = [];
    CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        globalThis.drawn = [...globalThis.drawn.slice(-9), text];
        return fillText.call(this, text, ...rest);
    };
}"""

DRAWN: Final = "() => globalThis.drawn"
"""The latest texts in test pictures."""

STRANGE_ELEMENTS: Final = "() => document.querySelectorAll('img, script:not([src]), iframe, [onerror]').length"


class MissingTests(DemoCase):
    """Where something is missing."""

    def test_no_camera(self) -> None:
        """Who may not use his camera is told so, and is seen with a test picture, which he is told as well."""
        page = self.start(camera=False)
        part(page, "turn-on").click()
        expect(part(page, "problem")).to_contain_text("was not allowed to use the camera and microphone")
        page.evaluate(WATCH_DRAWING)
        page.locator("label", has=part(page, "source-picture")).click()
        until(page, lambda: "Guest" in page.evaluate(DRAWN), "a picture of nobody in particular")
        part(page, "name").fill("Alice")
        part(page, "join").click()
        until(page, lambda: "Guest" not in page.evaluate(DRAWN), "a picture of her own")
        bob = self.enter("Bob")
        for each in (bob, page):
            self.assert_moving(each)

    def test_insecure(self) -> None:
        """Over http from another machine there is no camera; that is said, and the test picture is seen.

        Nor is there a clipboard: the link is copied all the same, and its spaces end it nowhere.
        """
        self.origin = self.rest.replace("127.0.0.1", FAR_NAME)
        self.faults.allow(self.origin)
        self.faults.expect("Cross-Origin-Opener-Policy header has been ignored")
        page = self.start(room="Tea for two")
        part(page, "turn-on").click()
        expect(part(page, "problem")).to_contain_text("only to pages that come by https")
        part(page, "name").fill("Alice")
        page.locator("label", has=part(page, "source-picture")).click()
        part(page, "join").click()
        expect(part(page, "room-link")).to_have_text(f"{self.origin}/demo#Tea for two")
        part(page, "copy-link").click()
        expect(part(page, "copy-link")).to_have_text("Copied")
        part(page, "chat-input").focus()
        page.keyboard.press("Control+V")
        bob = self.enter("Bob", source="none", room="Tea for two")
        expect(part(bob, "call-state")).to_contain_text("Connected")
        self.assert_moving(bob)
        expect(part(page, "chat-input")).to_have_value(f"{self.origin}/demo#Tea%20for%20two")

    def test_small_screen(self) -> None:
        """On the smallest phone one can join without scrolling, and what has the focus is not behind the button."""
        page = self.start(size=SMALL_PHONE)
        join = part(page, "join")
        expect(join).to_be_in_viewport(ratio=1)
        for name in ("name", "room", "source-none"):
            part(page, name).focus()
            below = part(page, name).bounding_box()
            above = join.bounding_box()
            assert below is not None and above is not None
            self.assertLessEqual(below["y"] + below["height"], above["y"], name)

    def test_full(self) -> None:
        """A third is told that the room is full and disturbs nobody; once somebody has gone there is room for him."""
        alice, bob = self.call()
        carol = self.enter("Carol")
        expect(carol.get_by_text("This room is full").first).to_be_visible()
        for page in (alice, bob):
            self.assert_moving(page)
            self.assertEqual(connection_states(page), ["connected"])
        bob.context.close()
        expect(alice.get_by_text("The other side has left.")).to_be_visible()
        part(carol, "join").click()
        for page in (alice, carol):
            self.assert_moving(page)

    def test_no_server(self) -> None:
        """Without a server to talk to the page says what to check; when there is one again it goes on."""
        self.faults.expect("WebSocket connection to .* failed")
        self.line.refuse()
        page = self.enter("Alice")
        expect(page.get_by_text("There is no answer from").first).to_be_visible()
        self.line.mend()
        expect(part(page, "room-link")).to_be_visible()


class TextTests(DemoCase):
    """What users write is text."""

    def test_markup(self) -> None:
        """Names, rooms and texts with markup in them make no elements and run nothing."""
        room = f"{MARKUP}/room"
        alice = self.enter(MARKUP, room=room)
        expect(part(alice, "room-link")).to_be_visible()
        bob = self.enter(f"Bob {MARKUP}", room=room, source="picture")
        for page, other in ((alice, f"Bob {MARKUP}"), (bob, MARKUP)):
            self.assert_moving(page)
            expect(part(page, "peer-name")).to_have_text(other)
        self.say(bob, MARKUP)
        expect(texts(alice)).to_contain_text([MARKUP])
        part(alice, "mute-mic").click()
        expect(part(bob, "peer-muted")).to_contain_text(MARKUP)
        for page in (alice, bob):
            self.assertEqual(page.evaluate(STRANGE_ELEMENTS), 0)

    def test_long(self) -> None:
        """A conversation that does not fit in the window scrolls by itself: what is around it stays where it was."""
        alice, bob = (self.enter(name, source="none") for name in ("Alice", "Bob"))
        expect(part(bob, "chat-send")).to_be_enabled()
        for _ in range(5):
            self.say(bob, "a long text " * 50)
        expect(texts(alice)).to_have_count(5)
        for page in (alice, bob):
            expect(part(page, "hang-up")).to_be_in_viewport(ratio=1)
            self.assertLessEqual(page.evaluate("document.documentElement.scrollHeight"), DESKTOP["height"])


class KeyboardTests(DemoCase):
    """Who has no mouse."""

    def test_keyboard(self) -> None:
        """Keys alone enter a room, write a text and hang up, and it can be seen where they go."""
        page = self.start()
        self.tab_to(page, "name")
        page.keyboard.type("Alice")
        page.keyboard.press("Enter")
        expect(part(page, "room-link")).to_be_visible()
        bob = self.enter("Bob", source="picture")
        self.assert_moving(page)
        self.tab_to(page, "chat-input")
        page.keyboard.type("By keys")
        page.keyboard.press("Enter")
        expect(texts(bob)).to_contain_text(["By keys"])
        self.tab_to(page, "hang-up")
        page.keyboard.press("Space")
        expect(page.get_by_text("You have hung up.")).to_be_visible()

    def tab_to(self, page: Page, name: str) -> None:
        """Presses the tab key until a part of the page has the focus."""
        for _ in range(40):
            if page.evaluate("() => document.activeElement?.dataset.testid") == name:
                self.assertNotEqual(
                    page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle"), "none"
                )
                return
            page.keyboard.press("Tab")
        self.fail(f"the tab key does not lead to {name}")
