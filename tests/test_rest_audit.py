"""Tests of :mod:`jsongle_server.rest_audit`: no change without its line."""

from __future__ import annotations

from jsongle_server.rest import ROUTES
from tests.rest_support import TOKEN, RestCase


class AuditTests(RestCase):
    """What is written of what."""

    def test_every_change_is_one_line_and_nothing_else_is(self) -> None:
        """Each route that changes something is asked once; each line says who it was, and none has the token."""
        jon = self.server.user("jon")
        for rid in ("den", "hall"):
            jon.join(rid)
        requests: dict[str, tuple[str, object]] = {
            "set_level": ("/logs/levels", {"level": "debug"}),
            "empty_room": ("/rooms/den", None),
            "empty_named_room": ("/rooms?rid=hall", None),
            "send_message": ("/messages", {"to": "all", "description": {"text": TOKEN}}),
            "end_session": (f"/sessions/{jon.identity}", None),
            "add_block": ("/blocks", {"uid": "eve", "seconds": 60, "reason": "spam"}),
            "remove_block": ("/blocks/{id}", None),
        }
        for route in ROUTES:
            if route.method == "GET":
                self.do("GET", route.template)
                self.assertEqual((route.name, self.audited()), (route.name, []))
        changing = {route.name: route.method for route in ROUTES if route.method != "GET"}
        self.assertEqual(set(changing), set(requests))
        for name, (path, body) in requests.items():
            held = self.server.signaling.blocks.all(self.server.clock.seconds())
            answer = self.do(changing[name], path.replace("{id}", held[0].id if held else ""), body)
            self.assertLess(answer.status, 300, name)
            lines = self.audited()
            self.assertEqual((name, len(lines)), (name, 1))
            self.assertTrue(lines[0].startswith("192.0.2.7:40000: "), lines)
            self.assertNotIn(TOKEN, lines[0])

    def test_what_was_not_done_is_not_audited(self) -> None:
        """A refused or vain request changes nothing."""
        for method, path in (
            ("DELETE", "/sessions/x"),
            ("DELETE", "/rooms/x"),
            ("DELETE", "/blocks/x"),
            ("POST", "/messages"),
            ("POST", "/blocks"),
            ("PUT", "/logs/levels"),
        ):
            self.assertGreaterEqual(self.do(method, path).status, 400)
            self.server.ask(method, path)
        self.assertEqual(self.audited(), [])
