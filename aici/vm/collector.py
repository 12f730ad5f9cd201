"""Pausing Python's cyclic garbage collector while many objects are made that all live on.

It would look through them again and again, in vain: that takes several times as long as making them. May be imported by
whatever copies or loads processes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No collection meanwhile. Whoever found the collector at work sets it to work again, so that threads may overlap:
    at worst it works a little earlier."""
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_work:
            gc.enable()
