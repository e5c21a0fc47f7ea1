"""Tests of :mod:`jsongle_server.webhook_queue`."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server import webhook_queue
from jsongle_server.webhook_queue import (
    MAX_QUEUED,
    MAX_QUEUED_BYTES,
    MAX_QUEUED_PER_SESSION,
    Delivery,
    Dropped,
    WebhookQueue,
)


class QueueCase(SynchronousTestCase):
    """A queue, and deliveries that the test knows by their ids."""

    def setUp(self) -> None:
        """Makes an empty one."""
        self.queue = WebhookQueue()

    def put(self, text: str, *, size: int = 2) -> Dropped | None:
        """Adds one: a letter for its session, and a number."""
        return self.queue.put(Delivery(text, text[0], b"x" * size))

    def take(self, now: float = 0.0) -> Delivery:
        """Takes one that must be there."""
        delivery = self.queue.take(now)
        assert delivery is not None
        return delivery

    def take_all(self, now: float = 0.0) -> list[str]:
        """Takes what there is without being done with it."""
        return [delivery.id for delivery in iter(lambda: self.queue.take(now), None)]


class OrderTests(QueueCase):
    """Who is next."""

    def test_first_come(self) -> None:
        """Sessions go in the order in which they came, one delivery each."""
        for text in ("a1", "b1", "a2", "c1"):
            self.put(text)
        self.assertEqual(self.take_all(), ["a1", "b1", "c1"])

    def test_one_after_another(self) -> None:
        """What follows in a session comes when the one before is done."""
        for text in ("a1", "a2", "a3"):
            self.put(text)
        for text in ("a1", "a2", "a3"):
            delivery = self.take()
            self.assertEqual(delivery.id, text)
            self.assertEqual(self.take_all(), [])
            self.queue.done(delivery)
        self.assertEqual((self.take_all(), len(self.queue)), ([], 0))

    def test_in_turn(self) -> None:
        """A session with many does not come before others a second time."""
        for text in ("a1", "a2", "b1"):
            self.put(text)
        self.queue.done(self.take())
        self.assertEqual(self.take_all(), ["b1", "a2"])

    def test_put_off(self) -> None:
        """One that is put off comes again when it is due, before what follows in its session; others do not wait."""
        for text in ("a1", "a2", "b1"):
            self.put(text)
        self.queue.put_off(self.take(), 5.0)
        self.assertEqual(self.queue.next_due, 5.0)
        self.assertEqual(self.take_all(4.9), ["b1"])
        self.assertEqual(self.take_all(5.0), ["a1"])
        self.assertIsNone(self.queue.next_due)

    def test_due_in_order(self) -> None:
        """What is due first comes first, and what is due at the same time in the order in which it was put off."""
        for text, due in (("a1", 2.0), ("b1", 1.0), ("d1", 2.0), ("c1", 2.0)):
            self.put(text)
            self.queue.put_off(self.take(), due)
        self.assertEqual(self.take_all(9.0), ["b1", "a1", "d1", "c1"])

    def test_hurry(self) -> None:
        """What is put off can be made due at once."""
        for text, due in (("a1", 2.0), ("b1", 1.0)):
            self.put(text)
            self.queue.put_off(self.take(), due)
        self.queue.hurry()
        self.assertEqual((self.take_all(), self.queue.next_due), (["b1", "a1"], None))

    def test_clear(self) -> None:
        """All of it can be forgotten, what was taken and what is put off too; then it is as if new."""
        for text in ("a1", "b1", "a2"):
            self.put(text)
        taken = self.take()
        self.queue.put_off(self.take(), 1.0)
        self.assertTrue(self.queue.holds(taken))
        self.assertEqual(self.queue.clear(), 3)
        self.assertFalse(self.queue.holds(taken))
        self.assertEqual((len(self.queue), self.queue.next_due, self.take_all(9.0)), (0, None, []))
        self.put("a3")
        self.assertFalse(self.queue.holds(taken))
        self.assertEqual(self.take_all(), ["a3"])


class BoundTests(QueueCase):
    """How much there may be."""

    def test_number(self) -> None:
        """As many as may be are taken; the next is not, and those that are there stay."""
        for number in range(MAX_QUEUED):
            self.assertIsNone(self.queue.put(Delivery("", f"s-{number % 100}", b"")))
        self.assertIs(self.put("a1"), Dropped.FULL)
        self.assertEqual(len(self.queue), MAX_QUEUED)
        self.queue.done(self.take())
        self.assertIsNone(self.put("a1"))

    def test_bytes(self) -> None:
        """The same goes for bytes."""
        self.assertIsNone(self.put("a1", size=MAX_QUEUED_BYTES - 10))
        self.assertIs(self.put("b1", size=11), Dropped.FULL)
        self.assertIsNone(self.put("c1", size=10))
        self.assertIs(self.put("d1", size=1), Dropped.FULL)
        self.queue.done(self.take())
        self.assertIsNone(self.put("d1", size=MAX_QUEUED_BYTES - 10))

    def test_session(self) -> None:
        """One session has a part of it at most; others are not touched by that."""
        for number in range(MAX_QUEUED_PER_SESSION):
            self.assertIsNone(self.put(f"a{number}"))
        self.assertIs(self.put("a"), Dropped.SESSION)
        self.assertIsNone(self.put("b"))
        self.assertLess(MAX_QUEUED_PER_SESSION * 10, MAX_QUEUED)


class QueueMachine(RuleBasedStateMachine):
    """Does to a queue what can be done, in any order, and keeps simple lists of what must be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = WebhookQueue()
        self.lines: dict[str, list[str]] = defaultdict(list)
        self.taken: list[Delivery] = []
        self.due: dict[str, float] = {}
        self.now = 0.0
        self.count = 0

    @rule(session=st.sampled_from("abc"), size=st.integers(0, 40))
    def put(self, session: str, size: int) -> None:
        """Adds one, or is told why not."""
        self.count += 1
        delivery = Delivery(f"{session}{self.count}", session, b"x" * size)
        if self.queue.put(delivery) is None:
            self.lines[session].append(delivery.id)

    @rule()
    def take(self) -> None:
        """Takes what may be taken: the first of every session that has none under way and is not to wait."""
        busy = {delivery.session for delivery in self.taken}
        busy |= {session for session, due in self.due.items() if due > self.now}
        free = {session for session, line in self.lines.items() if line} - busy
        delivery = self.queue.take(self.now)
        assert (delivery is None) == (not free), (delivery, free)
        if delivery is not None:
            assert delivery.session in free and delivery.id == self.lines[delivery.session][0]
            self.taken.append(delivery)
            self.due.pop(delivery.session, None)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), delay=st.none() | st.floats(0, 10))
    def settle(self, data: st.DataObject, delay: float | None) -> None:
        """Is done with one that was taken, or puts it off."""
        delivery = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        if delay is None:
            self.queue.done(delivery)
            del self.lines[delivery.session][0]
        else:
            self.queue.put_off(delivery, self.now + delay)
            self.due[delivery.session] = self.now + delay

    @rule(seconds=st.floats(0, 10))
    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds

    @rule()
    def hurry(self) -> None:
        """Has all waits be over."""
        self.queue.hurry()
        self.due.clear()

    @rule()
    def clear(self) -> None:
        """Forgets all."""
        assert self.queue.clear() == sum(map(len, self.lines.values()))
        self.lines.clear()
        self.taken.clear()
        self.due.clear()

    @invariant()
    def counted(self) -> None:
        """It knows how much it holds."""
        assert len(self.queue) == sum(map(len, self.lines.values()))


class MachineTests(SynchronousTestCase):
    """The machine, with small bounds."""

    def test_any_order(self) -> None:
        """Nothing is lost, doubled or out of order, whatever is done."""
        for name, value in (("MAX_QUEUED", 8), ("MAX_QUEUED_BYTES", 100), ("MAX_QUEUED_PER_SESSION", 4)):
            self.patch(webhook_queue, name, value)
        QueueMachine.TestCase().runTest()
