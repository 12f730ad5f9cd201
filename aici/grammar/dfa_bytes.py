"""An automaton as bytes: compact, canonical, and checked in full when it is read.

    automaton = form, body          form 0: the body as is; 1: compressed by zlib (chosen where shorter)
    body      = states, classes, class map, rows
    class map = runs over the 256 bytes: length - 1, class
    row       = 2 * n_runs + accepting, then runs over the classes: dead classes before it, length - 1, target
    target    = 0: the next state that no earlier run names; n: state n

All numbers are LEB128. States are numbered by the breadth-first walk that the rows follow, so a reachable numbering is
part of the form; row 0, the dead state's, is not written. Only `aici.grammar` imports this module.
"""

from __future__ import annotations

import zlib
from collections import deque

import numpy as np
import numpy.typing as npt

from .dfa import Dfa, Table
from .errors import CorruptAutomaton

MAX_CELLS = 64_000_000
"""Of a table that is read: bounds the memory that damaged bytes can ask for."""
MAX_BODY = 32_000_000
_RAW, _ZLIB = 0, 1


def encode(dfa: Dfa) -> bytes:
    """The automaton as bytes."""
    out = bytearray()
    _put(out, dfa.n_states)
    _put(out, dfa.n_classes)
    for length, number in _runs(dfa.classes.tolist()):
        _put(out, length - 1)
        _put(out, number)
    known = 1
    for accepting, row in zip(dfa.accepting.tolist()[1:], dfa.table.tolist()[1:], strict=True):
        runs = _runs(row)
        _put(out, 2 * sum(1 for _, target in runs if target) + accepting)
        gap = 0
        for length, target in runs:
            if not target:
                gap = length
                continue
            _put(out, gap)
            _put(out, length - 1)
            _put(out, 0 if target > known else target)
            known = max(known, target)
            gap = 0
    packed = zlib.compress(bytes(out), 9)
    if len(packed) < len(out):
        return bytes([_ZLIB]) + packed
    return bytes([_RAW]) + bytes(out)


def _runs(values: list[int]) -> list[tuple[int, int]]:
    """(length, value) of every run of equal values."""
    runs = []
    start = 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[start]:
            runs.append((i - start, values[start]))
            start = i
    return runs


def _put(out: bytearray, number: int) -> None:
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def decode(data: bytes) -> Dfa:
    """Raises CorruptAutomaton for anything that `encode` could not have made of an automaton."""
    reader = _Reader(_unpacked(data))
    n_states, n_classes = reader.number(), reader.number()
    if n_states < 2 or not 1 <= n_classes <= 256 or n_states * n_classes > MAX_CELLS:
        raise CorruptAutomaton(f"{n_states} states of {n_classes} classes are out of bounds")
    if n_states > len(reader.data):
        raise CorruptAutomaton("there are fewer rows than states")
    classes = _read_classes(reader, n_classes)
    table: Table = np.zeros((n_states, n_classes), np.uint16 if n_states <= 0x10000 else np.uint32)
    accepting = np.zeros(n_states, np.uint8)
    known = 1
    for state in range(1, n_states):
        if state > known:
            raise CorruptAutomaton(f"state {state} cannot be reached")
        known = _read_row(reader, state, table, accepting, known)
    if reader.at != len(reader.data):
        raise CorruptAutomaton("there are bytes behind the last row")
    dfa = Dfa(n_states, n_classes, classes, table, accepting)
    _check_live(dfa)
    _check_utf8(dfa)
    return dfa


def _unpacked(data: bytes) -> bytes:
    if not data or data[0] > _ZLIB:
        raise CorruptAutomaton("not an automaton")
    if data[0] == _RAW:
        return data[1:]
    unpack = zlib.decompressobj()
    try:
        body = unpack.decompress(data[1:], MAX_BODY)
    except zlib.error as error:
        raise CorruptAutomaton(f"damaged: {error}") from None
    if not unpack.eof or unpack.unused_data:
        raise CorruptAutomaton("damaged: the compressed body is cut short or too long")
    return body


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self) -> int:
        value = shift = 0
        while True:
            if self.at >= len(self.data) or shift > 28:
                raise CorruptAutomaton(f"no number at byte {self.at}")
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7


def _read_classes(reader: _Reader, n_classes: int) -> npt.NDArray[np.uint8]:
    found: list[int] = []
    known = 0
    while len(found) < 256:
        length, number = reader.number() + 1, reader.number()
        if length > 256 - len(found) or number > known or number >= n_classes:
            raise CorruptAutomaton("the classes of the bytes are damaged")
        known = max(known, number + 1)
        found += [number] * length
    if known != n_classes:
        raise CorruptAutomaton("a class has no bytes")
    return np.array(found, np.uint8)


def _read_row(reader: _Reader, state: int, table: Table, accepting: npt.NDArray[np.uint8], known: int) -> int:
    """Fills the state's row; returns the highest state named so far."""
    n_states, n_classes = table.shape
    head = reader.number()
    accepting[state] = head & 1
    at = 0
    for _ in range(head >> 1):
        at += reader.number()
        end = at + reader.number() + 1
        target = reader.number()
        if target == 0:
            known += 1
            target = known
        if end > n_classes or target > known or known >= n_states:
            raise CorruptAutomaton(f"a transition of state {state} is out of bounds")
        table[state, at:end] = target
        at = end
    return known


def _check_live(dfa: Dfa) -> None:
    """Every state but 0 leads to an accepting one."""
    sources, _ = np.nonzero(dfa.table)
    targets = dfa.table[np.nonzero(dfa.table)]
    order = np.argsort(targets, kind="stable")
    sources = sources[order]
    first = np.searchsorted(targets[order], np.arange(dfa.n_states + 1))
    live = dfa.accepting.astype(bool)
    queue = deque(np.flatnonzero(live).tolist())
    if dfa.accepting[0]:
        raise CorruptAutomaton("the dead state accepts")
    while queue:
        state = queue.popleft()
        for source in sources[first[state] : first[state + 1]].tolist():
            if not live[source]:
                live[source] = True
                queue.append(source)
    if not live[1:].all():
        raise CorruptAutomaton(f"no text is accepted from state {1 + int(np.argmin(live[1:]))}")


_SECOND = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}
"""Lead bytes that narrow the byte after them (RFC 3629, section 4)."""


def _check_utf8(dfa: Dfa) -> None:
    """What is accepted is valid UTF-8: each state belongs to one place in a character, and its bytes fit there."""
    pending = np.full(dfa.n_states, -1, np.int64)
    pending[1] = 0
    lead_length = np.full(256, -1, np.int64)
    lead_length[:0x80] = 0
    lead_length[0xC2:0xE0], lead_length[0xE0:0xF0], lead_length[0xF0:0xF5] = 1, 2, 3
    for state in range(1, dfa.n_states):
        row = dfa.table[state][dfa.classes]
        bytes_ = np.flatnonzero(row)
        if pending[state] == 0:
            after = lead_length[bytes_]
        else:
            after = np.where((bytes_ & 0xC0) == 0x80, pending[state] - 1, -1)
        targets = row[bytes_]
        fresh = pending[targets] < 0
        pending[targets[fresh]] = after[fresh]
        if (after < 0).any() or (pending[targets] != after).any() or (pending[state] and dfa.accepting[state]):
            raise CorruptAutomaton(f"state {state} leads to texts that are not UTF-8")
        if pending[state] == 0:
            for lead, (low, high) in _SECOND.items():
                second = np.flatnonzero(dfa.table[int(row[lead])][dfa.classes])
                if row[lead] and (second[0] < low or second[-1] > high):
                    raise CorruptAutomaton(f"state {state} leads to texts that are not UTF-8")
