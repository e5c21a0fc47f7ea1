"""Has the end of the terminal client wait for no thread, so that one can leave while a host name is looked up.

A look-up is a call of the system that nothing ends, and that takes as long as the name servers are silent. Layer 5.
"""

from __future__ import annotations

from functools import partial
from threading import Thread
from typing import Any


def forsake_threads(reactor: Any) -> None:
    """Has a reactor that does not run yet stop without its threads, and Python end without them.

    :param reactor: one of Twisted's, which looks names up in the threads of its pool.
    """
    pool = reactor.getThreadPool()
    pool.threadFactory = partial(Thread, daemon=True)
    reactor.removeSystemEventTrigger(reactor.threadpoolShutdownID)
