"""Tests of :mod:`jsongle_server.resume`: what a client may ask, tokens, and who waits for how long."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import resume
from jsongle_server.errors import BadParameter
from jsongle_server.replay import ReplayBuffer
from jsongle_server.resume import MAX_TOKEN, ResumeRequest, Resumption, read_resume
from jsongle_server.testing import MemoryServer


class ReadResumeTests(SynchronousTestCase):
    """What stands in ``resume`` of a hello."""

    def test_wishes(self) -> None:
        """``true`` opts in; ``false``, ``null`` and nothing do not."""
        self.assertIs(read_resume(True), True)
        self.assertEqual([read_resume(False), read_resume(None)], [False, False])

    def test_return(self) -> None:
        """A token and a number from 0 are those of a client that comes back; more may stand beside them."""
        self.assertEqual(read_resume({"token": "a.b", "seq": 0}), ResumeRequest("a.b", 0))
        self.assertEqual(read_resume({"token": "", "seq": 5, "x": 1}), ResumeRequest("", 5))

    def test_malformed(self) -> None:
        """Anything else is refused."""
        odd: list[Any] = [0, 1, "true", [], ["t", 1], {}, {"token": "t"}, {"seq": 1}]
        numbers: list[Any] = [-1, 1.0, "1", True, None, []]
        tokens: list[Any] = [None, 1, True, [], {}]
        odd += [{"token": "t", "seq": seq} for seq in numbers]
        odd += [{"token": token, "seq": 1} for token in tokens]
        for value in odd:
            with self.subTest(value):
                self.assertRaises(BadParameter, read_resume, value)


class TokenTests(SynchronousTestCase):
    """The tokens of one session."""

    def setUp(self) -> None:
        """A session that was given its first token."""
        self.resumption = Resumption("handle", ReplayBuffer(max_messages=1, max_bytes=1000))
        self.resumption.renew("first")

    def test_shape(self) -> None:
        """A token names its session and holds a secret."""
        self.assertEqual(self.resumption.token, "handle.first")

    def test_serves(self) -> None:
        """The one that was given is good, others are not."""
        self.assertFalse(self.resumption.use("other"))
        self.assertFalse(self.resumption.use(""))
        self.assertTrue(self.resumption.use("first"))

    def test_one_before_is_good_until_the_next_is_used(self) -> None:
        """Where the ack was lost that brought a new one, the one before is used again."""
        self.assertTrue(self.resumption.use("first"))
        self.resumption.renew("second")
        self.assertTrue(self.resumption.use("first"))
        self.resumption.renew("third")
        self.assertTrue(self.resumption.use("third"))
        self.resumption.renew("fourth")
        self.assertFalse(self.resumption.use("first"))
        self.assertTrue(self.resumption.use("third"))

    def test_late_copy_of_an_earlier_one(self) -> None:
        """Where the one before is used again by an attempt that the network delayed, that voids no newer one."""
        self.resumption.use("first")
        self.resumption.renew("second")
        self.resumption.use("first")
        self.resumption.renew("third")
        self.assertTrue(self.resumption.use("second"))
        self.assertFalse(self.resumption.use("first"))
        self.assertTrue(self.resumption.use("third"))

    def test_bounded(self) -> None:
        """However often the one before is used again, that one and the latest three are good, and no more."""
        secrets = [f"secret-{number}" for number in range(10)]
        for secret in secrets:
            self.resumption.use("first")
            self.resumption.renew(secret)
        good = [secret for secret in ("first", *secrets) if self.resumption.use(secret)]
        self.assertEqual(good, ["first", *secrets[-3:]])

    def test_compared_in_constant_time(self) -> None:
        """Nobody can find a token out by how long it takes to refuse it."""
        compared: list[tuple[bytes, bytes]] = []

        def compare(given: bytes, good: bytes) -> bool:
            compared.append((given, good))
            return given == good

        self.patch(resume, "compare_digest", compare)
        self.resumption.use("first")
        self.resumption.renew("second")
        compared.clear()
        self.resumption.use("guess")
        self.assertEqual(compared, [(b"guess", b"first"), (b"guess", b"second")])


class ClaimTests(SynchronousTestCase):
    """Who comes back with which token."""

    def setUp(self) -> None:
        """A server with a client that has opted in."""
        self.server = MemoryServer()
        self.resumes = self.server.signaling.resumes
        self.client = self.server.connect()
        self.token = self.opt_in()

    def opt_in(self) -> str:
        """Lets the client say hello; returns its token."""
        token: str = self.client.hello("u", resume=True)["jsongle"]["description"]["resume"]["token"]
        return token

    def test_unguessable(self) -> None:
        """A token's secret has at least 128 bits, and no two are the same."""
        tokens = {self.token}
        for _ in range(100):
            self.client = self.server.connect()
            tokens.add(self.opt_in())
        secrets = {token.partition(".")[2] for token in tokens}
        self.assertEqual(len(secrets), 101)
        for secret in secrets:
            padding = "=" * (-len(secret) % 4)
            self.assertGreaterEqual(len(urlsafe_b64decode(secret + padding)) * 8, 128)

    def test_fits(self) -> None:
        """Our own tokens are well within what is looked at."""
        self.assertLess(len(self.token), MAX_TOKEN)

    def test_claimed(self) -> None:
        """A good token leads to its session, which gets another one."""
        session = self.server.session_of(self.client)
        self.assertIs(self.resumes.claim(self.token), session)
        assert session.resumption is not None
        self.assertNotEqual(session.resumption.token, self.token)

    def test_bad_tokens(self) -> None:
        """Tokens of nobody, parts of one, and what is no token lead nowhere, and change nothing."""
        handle, _, secret = self.token.partition(".")
        for bad in ("", ".", handle, f"{handle}.", secret, f".{secret}", self.token + "x", "é🙂.é", "x" * 100_000):
            with self.subTest(bad):
                self.assertIsNone(self.resumes.claim(bad))
        self.assertIsNotNone(self.resumes.claim(self.token))

    def test_counts(self) -> None:
        """Those who opted in and are connected are counted apart from those who are away."""
        self.server.user("other")
        self.assertEqual([len(self.resumes), self.resumes.attached_count, self.resumes.detached()], [1, 1, []])
        session = self.server.session_of(self.client)
        self.server.drop(self.client)
        self.assertEqual([len(self.resumes), self.resumes.attached_count, self.resumes.detached()], [1, 0, [session]])
        self.server.clock.advance(self.server.config.resume_window)
        self.assertEqual([len(self.resumes), self.resumes.attached_count, self.resumes.detached()], [0, 0, []])

    def test_bytes_of_those_away(self) -> None:
        """What is kept counts while its client is away, what is added then included."""
        other = self.server.user("other")
        other.say("u", "session-text")
        self.assertEqual(self.resumes.detached_bytes, 0)
        session = self.server.session_of(self.client)
        assert session.resumption is not None
        for step in (lambda: self.server.drop(self.client), lambda: other.say("u", "session-text")):
            step()
            self.assertEqual(self.resumes.detached_bytes, session.resumption.buffer.size)
        self.server.clock.advance(self.server.config.resume_window)
        self.assertEqual(self.resumes.detached_bytes, 0)
