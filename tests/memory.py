"""Memory that something takes, measured without what trial keeps at the same time."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from twisted.logger import LegacyLogObserverWrapper, globalLogPublisher


@contextmanager
def traced_memory() -> Iterator[None]:
    """Has :mod:`tracemalloc` trace what is allocated in the block.

    A worker of ``trial --jobs`` keeps each line of the log until its test is over: in the block it gets none.
    """
    gc.collect()
    with ExitStack() as stack:
        for observer in filter(_is_of_worker, list(globalLogPublisher._observers)):
            globalLogPublisher.removeObserver(observer)
            stack.callback(globalLogPublisher.addObserver, observer)
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        yield


def _is_of_worker(observer: Any) -> bool:
    if not isinstance(observer, LegacyLogObserverWrapper):
        return False
    # By its name, since the module is the main one of a worker, and another when it is imported.
    return type(getattr(observer.legacyObserver, "__self__", None)).__name__ == "WorkerLogObserver"
