"""Large rooms of which little is used: memory that the system commits page by page.

`numpy.zeros` and `numpy.empty` ask Linux for huge pages from 4 MiB on, the first touch of which takes a millisecond
each; below that, the C library may hand out memory that it has to clear first. A plain mapping costs some 10 µs and
some 4 µs a page that is touched. Only `aici.grammar` imports this module.
"""

from __future__ import annotations

import mmap
import sys

_NORESERVE = 0x4000 if sys.platform == "linux" else 0


def mapping(size: int) -> mmap.mmap:
    """So many zeros, for `Record.carve`."""
    if sys.platform == "win32":
        return mmap.mmap(-1, size)
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE)
