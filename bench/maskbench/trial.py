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
            _confine(seconds, room)
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(action(), pipe)
        os._exit(0)
    os.close(writer)
    data, in_time = _read(reader, time.monotonic() + _PATIENCE * seconds)
    if not in_time:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if data and in_time and not status:
        return pickle.loads(data)
    if not in_time or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)):
        return Ended(f"> {seconds} s", slow=True)
    return Ended(f"died (it had {room >> 30} GiB of memory)", slow=False)


def _confine(seconds: int, room: int) -> None:
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
    resource.setrlimit(resource.RLIMIT_AS, (in_use + room, in_use + room))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _read(reader: int, until: float) -> tuple[bytes, bool]:
    """All that comes through a pipe, and whether it came to its end in time."""
    data = bytearray()
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while (left := until - time.monotonic()) > 0:
            if select.select([pipe], [], [], left)[0]:
                part = pipe.read(1 << 20)
                if not part:
                    return bytes(data), True
                data += part
    return bytes(data), False
