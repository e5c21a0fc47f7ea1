"""Tests of :mod:`jsongle_server.frame_reader`: the short way for frames and Autobahn's own lead to the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.frame_reader import FRAMES_PER_TURN
from jsongle_server.testing_websocket import WebSocketWire
from tests.frame_streams import (
    ANY,
    CLOSES,
    DEFLATE,
    HELLO,
    LIMIT,
    NOISE,
    OPENING,
    PAYLOADS,
    PLACES,
    TO_BOB,
    VALID,
    WRONG,
    Conversation,
    Plain,
    Transcript,
    cut,
    frame,
    in_a_row,
    say,
)


class SameTests(SynchronousTestCase):
    """For any bytes, cut into reads at any places, both ways give the same."""

    def assert_same(self, reads: Sequence[bytes], *, is_patient: bool = True, **more: Any) -> Transcript:
        """Both ways give the same messages, answers and end; returns them."""
        fast, plain = (Conversation(fast=fast, **more).send(reads, is_patient=is_patient) for fast in (True, False))
        self.assertEqual(fast, plain)
        self.assertEqual(self.flushLoggedErrors(), [])
        return fast

    @settings(max_examples=200)
    @given(ANY, PLACES, st.booleans(), st.integers(0, 5))
    @example([frame(say("bob")) * 200], [], False, 0)
    @example([frame(b"\xc0\x80")], [9], True, 0)
    @example([frame(b"hello", form=3)], [], True, 0)
    @example([frame(b"x" * LIMIT), frame(b"x" * (LIMIT + 1))], [], True, 0)
    def test_anything(self, frames: list[bytes], places: list[int], is_patient: bool, missing: int) -> None:
        """A client that has said hello may send anything, and break off anywhere."""
        stream = in_a_row(frames)
        reads = cut(stream[: len(stream) - missing], places)
        self.assert_same([OPENING, frame(HELLO), *reads], is_patient=is_patient, rate_limit=0)

    @settings(max_examples=60)
    @given(ANY, PLACES)
    def test_with_the_handshake(self, frames: list[bytes], places: list[int]) -> None:
        """Frames may come in one read with the handshake."""
        first, *reads = cut(frame(HELLO) + in_a_row(frames), places)
        self.assert_same([OPENING + first, *reads], rate_limit=0)

    @settings(max_examples=60)
    @given(st.lists(VALID | NOISE.map(frame), max_size=12), PLACES, st.booleans())
    def test_too_fast(self, frames: list[bytes], places: list[int], is_patient: bool) -> None:
        """A client that sends too fast is refused, or not read from, at the same messages."""
        reads = cut(in_a_row(frames), places)
        self.assert_same([OPENING, frame(HELLO), *reads], is_patient=is_patient, rate_limit=5, rate_burst=5)

    @settings(max_examples=100)
    @given(st.lists(VALID | PAYLOADS.map(Plain) | TO_BOB.map(Plain) | WRONG | CLOSES, max_size=10), PLACES)
    @example([Plain(say("bob")), frame(say("bob")), Plain(say("bob"))], [])
    @example([Plain(b"x" * 1_000_000), frame(say("bob"))], [])
    def test_with_compression(self, frames: list[bytes | Plain], places: list[int]) -> None:
        """Where compression was agreed on, compressed messages may come among others."""
        opening = OPENING[:-2] + DEFLATE.encode() + b"\r\n\r\n"
        reads = [opening, frame(HELLO), *cut(in_a_row(frames), places)]
        transcript = self.assert_same(reads, rate_limit=0, per_message_deflate=True)
        self.assertIn(b"permessage-deflate", transcript.answers.partition(b"\r\n\r\n")[0])

    def test_every_cut(self) -> None:
        """A read may end after any byte."""
        stream = frame(say("bob", "x" * 100)) + frame(b"?", first=0x89) + frame(say("bob")) + frame(b"", first=0x88)
        for place in range(len(stream)):
            transcript = self.assert_same([OPENING, frame(HELLO), *cut(stream, [place])])
            self.assertEqual(len(transcript.passed_on), 2)

    def test_session_that_fails(self) -> None:
        """What comes after a message that could not be handled is treated alike: the client's close frame is read."""
        ends = []
        for fast in (True, False):
            talk = Conversation(fast=fast)
            talk.send([OPENING, frame(HELLO)])
            self.patch(talk, "_receive", lambda payload: 1 // 0)
            transcript = talk.send([frame(b"{}") + frame(b"\x03\xf3", first=0x88)])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            ends.append((transcript.answers, transcript.ends))
        self.assertEqual(*ends)


class WayTests(SynchronousTestCase):
    """Which way frames take."""

    def setUp(self) -> None:
        """Counts how often Autobahn is asked."""
        self.asked = 0

    def talk(self, *, fast: bool, **more: Any) -> Conversation:
        """A conversation after the hello in which Autobahn's part is counted."""
        talk = Conversation(fast=fast, rate_limit=0, **more)
        talk.send([OPENING, frame(HELLO)])
        talk.messages.clear()
        self.watch(talk.wire)
        return talk

    def watch(self, wire: WebSocketWire) -> None:
        """Counts how often Autobahn is asked on a wire."""
        process = wire.protocol.processData

        def count_and_process() -> bool:
            self.asked += 1
            return process()

        wire.protocol.processData = count_and_process  # type: ignore[method-assign]

    def test_text(self) -> None:
        """Whole text frames never get to Autobahn, however many come in a read."""
        for payload in (say("bob"), say("bob", "x" * 500), "é".encode(), b""):
            talk = self.talk(fast=True)
            self.assertEqual(talk.send([frame(payload) * 3, frame(payload)]).messages, [payload] * 4)
            self.assertEqual(self.asked, 0)

    def test_off(self) -> None:
        """With the setting off, all of them do."""
        self.talk(fast=False).send([frame(say("bob")) * 3])
        self.assertGreaterEqual(self.asked, 3)

    def test_switched_while_it_runs(self) -> None:
        """A reload of the settings counts for connections from then on; those that are open keep to their way."""
        talk = self.talk(fast=True)
        talk.server.factory.reconfigure(replace(talk.server.config, fast_frames=False))
        talk.send([frame(say("bob"))])
        self.assertEqual(self.asked, 0)
        later = talk.server.open_wire()
        later.handshake()
        self.watch(later)
        later.send(frame(b"{}"))
        self.assertGreater(self.asked, 0)

    def test_with_compression(self) -> None:
        """Text that comes uncompressed takes the short way there too."""
        talk = self.talk(fast=True, per_message_deflate=True)
        talk.send([frame(say("bob"))])
        self.assertEqual(self.asked, 0)

    def test_back_on_the_short_way(self) -> None:
        """After a frame that Autobahn has read, text takes the short way again."""
        talk = self.talk(fast=True)
        whole = frame(say("bob"))
        talk.send([whole[:9], whole[9:] + frame(b"", first=0x89)])
        self.asked = 0
        talk.send([whole])
        self.assertEqual((self.asked, len(talk.messages)), (0, 2))

    def test_within_a_message(self) -> None:
        """A text frame inside another message is an error, which only Autobahn sees."""
        transcript = self.talk(fast=True).send([frame(b"{", first=0x01), frame(say("bob"))])
        self.assertEqual(transcript.messages, [])
        self.assertIn(b"\x88", transcript.answers)
        self.assertIn((1002).to_bytes(2, "big"), transcript.answers)


class BudgetTests(SynchronousTestCase):
    """How much of one read is taken before others have their turn, on both ways."""

    def talk(self, *, fast: bool) -> Conversation:
        """A conversation after the hello, in which messages are noted and nothing else."""
        talk = Conversation(fast=fast, rate_limit=0)
        talk.send([OPENING, frame(HELLO)])
        talk.messages.clear()
        self.patch(talk, "_receive", lambda payload: None)
        return talk

    def test_turns(self) -> None:
        """No turn takes more frames than it may, the rest is taken in later ones, and none is lost."""
        for fast in (True, False):
            talk = self.talk(fast=fast)
            talk.wire.send(b"".join(frame(b"%d" % number) for number in range(3 * FRAMES_PER_TURN + 1)))
            done = [0, len(talk.messages)]
            while (resting := talk.wire.protocol._resting) is not None:
                self.assertEqual(talk.wire.transport.producerState, "paused")
                resting.cancel()
                talk.wire.protocol._go_on()
                done.append(len(talk.messages))
            self.assertGreaterEqual(len(done), 5)
            self.assertLessEqual(max(late - early for early, late in pairwise(done)), FRAMES_PER_TURN)
            self.assertEqual(talk.messages, [b"%d" % number for number in range(3 * FRAMES_PER_TURN + 1)])

    def test_full_turns(self) -> None:
        """On the short way a turn takes exactly as many frames as it may."""
        talk = self.talk(fast=True)
        talk.wire.send(frame(b"1") * (FRAMES_PER_TURN + 1))
        self.assertEqual(len(talk.messages), FRAMES_PER_TURN)
        self.assertIsNotNone(talk.wire.protocol._resting)

    def test_exactly_a_turn(self) -> None:
        """What just fits into a turn on the short way needs no other."""
        talk = self.talk(fast=True)
        talk.wire.send(frame(b"1") * FRAMES_PER_TURN)
        self.assertIsNone(talk.wire.protocol._resting)

    def test_both_ways_share_a_turn(self) -> None:
        """Text and other frames in turn count together."""
        talk = self.talk(fast=True)
        talk.wire.send((frame(b"1") + frame(b"", first=0x89)) * FRAMES_PER_TURN)
        self.assertLessEqual(len(talk.messages), FRAMES_PER_TURN // 2)
        talk.settle()
        self.assertEqual(len(talk.messages), FRAMES_PER_TURN)

    def test_rest_in_the_middle(self) -> None:
        """A message after which the server does not listen is the last of its read until then."""
        for fast in (True, False):
            talk = self.talk(fast=fast)
            rest = talk.wire.protocol.rest
            self.patch(talk, "_receive", lambda payload, rest=rest: rest(0.5) if payload == b"2" else None)
            talk.wire.send(frame(b"1") + frame(b"2") + frame(b"3"))
            talk.wire.send(frame(b"4"))
            talk.server.clock.advance(0.4)
            self.assertEqual(talk.messages, [b"1", b"2"])
            talk.server.clock.advance(0.1)
            self.assertEqual(talk.messages, [b"1", b"2", b"3", b"4"])

    def test_lost_while_resting(self) -> None:
        """What was read before the connection was lost is still taken, whichever way it came."""
        for fast in (True, False):
            talk = self.talk(fast=fast)
            talk.wire.send(frame(b"1") * (FRAMES_PER_TURN + 5))
            talk.wire.transport.cut()
            self.assertEqual(len(talk.messages), FRAMES_PER_TURN + 5)
