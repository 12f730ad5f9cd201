"""Fuel and memory of a running process: what is spent, what is alive, and which limit was met.

The machine is built on `Accounts`. Memory is counted upwards without ever freeing; only when the sum passes the limit
are the live values counted. What a native is still building is reachable from nowhere, so that it is counted apart:
everything allocated since `mark`, and `held` by natives further out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .memory import measure
from .native import LimitExceeded

if TYPE_CHECKING:
    from .process import Process
    from .values import Value


AT_HAND = (1 << 30) - 1


class Accounts:
    """Counters of one stretch of a run. `fuel` and `memory` are read from the process and written back by `settle`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.limits = process.limits
        self.grant(min(process.fuel, process.limits.step_fuel))
        self.memory = process.memory
        self.memory_limit = process.limits.memory
        self.int_bits = process.limits.int_bits
        self.freed = 0  # bytes found dead so far: `memory + freed` only grows
        self.mark: int | None = None  # that sum when the native at work began, or None outside natives
        self.held = 0

    def grant(self, units: int) -> None:
        """Fuel to run on. Numbers of one machine digit are subtracted and compared more quickly, so that only so much
        of it is at hand."""
        self.granted = units
        self.fuel = min(units, AT_HAND)
        self.reserve = units - self.fuel

    def settle(self) -> None:
        """Write the counters back."""
        left = self.fuel + self.reserve
        self.process.fuel -= self.granted - left
        self.grant(left)
        self.process.memory = self.memory

    def charge(self, units: int) -> None:
        """Take fuel; raises `LimitExceeded`."""
        self.fuel -= units
        if self.fuel < 0:
            if self.fuel + self.reserve >= 0:
                granted = self.granted
                self.grant(self.fuel + self.reserve)
                self.granted = granted
                return
            self.fuel = self.reserve = 0
            if self.process.fuel <= self.limits.step_fuel:
                raise LimitExceeded("FuelExhausted", f"the controller did more than {self.limits.fuel} units of work")
            text = f"the controller did more than {self.limits.step_fuel} units of work between two requests"
            raise LimitExceeded("FuelExhausted", text)

    def allocate(self, size: int) -> None:
        """Account for `size` bytes about to be made; raises `LimitExceeded`."""
        self.memory += size
        if self.memory > self.memory_limit:
            self.recount(size)

    def recount(self, size: int) -> None:
        """Count what is alive; it and what natives are building (the `size` bytes included) must fit."""
        building = self.held + (size if self.mark is None else self.memory + self.freed - self.mark)
        if building <= self.memory_limit:
            before = self.memory
            self.memory = building + measure(self.roots(), self.charge)
            self.freed += before - self.memory
            if self.memory <= self.memory_limit:
                return
        text = f"the controller's values take more than {self.memory_limit} bytes"
        raise LimitExceeded("OutOfMemory", text)

    def roots(self) -> list[Value]:
        """Everything that is alive, but for what natives are building."""
        return self.process.roots()

    def bits(self, count: int) -> None:
        """An integer of `count` bits is about to be made; raises `LimitExceeded`."""
        if count > self.int_bits:
            raise LimitExceeded("IntegerTooLarge", f"an integer would have more than {self.int_bits} bits")

    # What natives hold while they call back: see the module's docstring.

    def begin_inner(self) -> tuple[int, int | None]:
        """A native (or an operator) calls back: returns what `end_inner` wants."""
        built = 0 if self.mark is None else self.memory + self.freed - self.mark
        saved = (self.held, None if self.mark is None else built)
        self.held += built
        self.mark = None
        return saved

    def end_inner(self, saved: tuple[int, int | None], start: int, result: Value) -> None:
        """The call back is over; `start` is `memory + freed` when it began. The native holds its result from now on."""
        self.held, built = saved
        if built is None:
            self.mark = None
            return
        grown = self.memory + self.freed - start
        kept = measure([result], self.charge, grown) if grown else 0
        self.mark = self.memory + self.freed - built - min(grown, kept)
