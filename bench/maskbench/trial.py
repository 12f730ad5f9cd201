"""A case tried in a child process that can be killed: peers may take minutes, gigabytes, or the process with them.

Goes in: something to do. Comes out: what it returns, or how it ended. Trials come before anything else is measured, so
that a child inherits no threads that an engine has started.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOOK = 0.2
"""Seconds between two looks at the time that a child has taken."""
_PATIENCE = 4
"""A child that gets little of the processor may take so many times its limit by the wall clock."""


@dataclass(frozen=True)
class Ended:
    """How a trial ended that returned nothing: `slow` if by its time."""

    reason: str
    slow: bool


def attempt(action: Callable[[], Any], seconds: int, room: int = 4 << 30) -> Any:
    """What `action` returns (it has to pickle), from a child with so many seconds of the processor and `room` bytes of
    memory on top of this process's; or an `Ended`."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            os.close(reader)
            _confine(room)
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(action(), pipe)
        os._exit(0)
    os.close(writer)
    data, in_time = b"", False
    try:
        data, in_time = _read(reader, child, seconds)
    finally:
        if not in_time:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if data and in_time and not status:
        return pickle.loads(data)
    if not in_time:
        return Ended(f"> {seconds} s", slow=True)
    return Ended(f"died (it had {room >> 30} GiB of memory)", slow=False)


def _confine(room: int) -> None:
    """Bounds memory. Not the processor's time: under such a limit Linux counts it in ticks of some milliseconds, and
    what is measured takes microseconds."""
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    resource.setrlimit(resource.RLIMIT_AS, (in_use + room, in_use + room))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _read(reader: int, child: int, seconds: int) -> tuple[bytes, bool]:
    """All that a child sends through a pipe, and whether it came to its end in time."""
    data, until = bytearray(), time.monotonic() + _PATIENCE * seconds
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while time.monotonic() < until and _processor_seconds(child) <= seconds:
            if select.select([pipe], [], [], _LOOK)[0]:
                part = pipe.read(1 << 20)
                if not part:
                    return bytes(data), True
                data += part
    return bytes(data), False


def _processor_seconds(process: int) -> float:
    """What a process has had of the processor."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
