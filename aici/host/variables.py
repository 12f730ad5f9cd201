"""The variables that all branches of a request share."""

from __future__ import annotations

from aici.vm.requests import ServiceError


class Variables:
    """Names and values (bytes) in the order of their first setting, at most `limit` bytes in all.

    `version` moves with every change: who waits for a variable looks again only then.
    """

    __slots__ = ("_limit", "_size", "_values", "version")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: dict[str, bytes] = {}
        self.version = 0

    def get(self, name: str) -> bytes | None:
        return self._values.get(name)

    def set(self, name: str, value: bytes) -> None:
        """Raises `ServiceError` when the variables would outgrow the limit."""
        old = self._values.get(name)
        size = self._size + (len(value) - len(old) if old is not None else len(value) + len(name))
        self._admit(size)
        self._values[name] = value
        self._size = size
        self.version += 1

    def append(self, name: str, value: bytes) -> None:
        """As `set`, to the end of what is there."""
        old = self._values.get(name, b"")
        self._admit(self._size + len(value))
        self.set(name, old + value)

    def values(self, names: tuple[str, ...]) -> list[bytes] | None:
        """Their values in order, once all are set."""
        found = [self._values.get(name) for name in names]
        return None if any(value is None for value in found) else [value for value in found if value is not None]

    def missing(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if name not in self._values]

    def snapshot(self) -> dict[str, bytes]:
        return dict(self._values)

    def _admit(self, size: int) -> None:
        if size > self._limit:
            raise ServiceError(f"variables of a request hold at most {self._limit} bytes", "MemoryError")
