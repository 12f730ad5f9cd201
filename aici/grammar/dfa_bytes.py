"""An automaton as bytes: compact, canonical, and checked in full when it is read.

    automaton = form, body          form 0: the body as is; 1: compressed by zlib (chosen where shorter)
    body      = states, classes, class map, rows
    class map = runs over the 256 bytes: length - 1, class
    row       = 2 * n_runs + accepting, then runs over the classes: dead classes before it, length - 1, target
    target    = 0: the next state that no earlier run names; n: the n-th most recently named one of the latest
                RECENT; above: how far it lies before the highest one named so far

All numbers are LEB128. States are numbered by the breadth-first walk that the rows follow, so a reachable numbering is
part of the form; row 0, the dead state's, is not written. Only `aici.grammar` imports this module.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from . import dfa_bytes_kernels as kernels
from .dfa import Dfa
from .errors import CorruptAutomaton

MAX_CELLS = 64_000_000
"""Of a table that is read: bounds the memory that damaged bytes can ask for."""
MAX_BODY = 32_000_000
_RAW, _ZLIB = 0, 1
_Bytes = npt.NDArray[np.uint8]


def encode(dfa: Dfa) -> bytes:
    """The automaton as bytes."""
    room = 1 << 12
    while True:
        out = np.empty(room, np.uint8)
        length = kernels.write_body(
            dfa.n_states, dfa.n_classes, dfa.classes, dfa.table, dfa.accepting, _recent(), out, room
        )
        if length <= room:
            break
        room = 4 * length
    body = out[:length].tobytes()
    packed = zlib.compress(body, 9)
    return bytes([_ZLIB]) + packed if len(packed) < len(body) else bytes([_RAW]) + body


def decode(data: bytes) -> Dfa:
    """Raises CorruptAutomaton for anything that `encode` could not have made of an automaton."""
    body = _unpacked(data)
    source = np.frombuffer(body or b"\0", np.uint8)
    at = np.zeros(1, np.int64)
    n_states = kernels.read_number(source, len(body), at)
    n_classes = kernels.read_number(source, len(body), at)
    if n_states < 2 or not 1 <= n_classes <= 256 or n_states * n_classes > MAX_CELLS or n_states > len(body):
        raise CorruptAutomaton("its size is out of bounds")
    classes = np.empty(256, np.uint8)
    table = np.zeros(n_states * n_classes, np.uint32)
    accepting = np.zeros(n_states, np.uint8)
    wrong = kernels.read_body(source, len(body), at, n_states, n_classes, classes, table, accepting, _recent())
    wrong = wrong or _check(n_states, n_classes, classes, table, accepting)
    if wrong:
        raise CorruptAutomaton(_REASONS[wrong])
    return Dfa(n_states, n_classes, classes, table.reshape(n_states, n_classes), accepting)


def _recent() -> npt.NDArray[np.uint32]:
    return np.zeros(1 + kernels.RECENT, np.uint32)


_REASONS = {
    kernels.NO_NUMBER: "it is cut short",
    kernels.BAD_CLASSES: "the classes of the bytes are damaged",
    kernels.EMPTY_CLASS: "a class has no bytes",
    kernels.UNREACHABLE: "a state cannot be reached",
    kernels.OUT_OF_BOUNDS: "a transition is out of bounds",
    kernels.TRAILING: "there are bytes behind the last row",
    kernels.DEAD_END: "from a state no text is accepted",
    kernels.NOT_UTF8: "it accepts texts that are not UTF-8",
}


def _check(n_states: int, n_classes: int, classes: _Bytes, table: npt.NDArray[np.uint32], accepting: _Bytes) -> int:
    """What is wrong with an automaton, or 0."""
    entering, todo = np.empty(n_states + 2, np.uint32), np.empty(n_states, np.uint32)
    source = np.empty(kernels.count_runs(n_states, n_classes, table) + 1, np.uint32)
    marks = np.empty(n_states, np.uint8)
    wrong = kernels.check_live(n_states, n_classes, table, accepting, entering, source, marks, todo)
    kinds = np.empty((3, 256), np.uint8)
    return wrong or kernels.check_utf8(n_states, n_classes, classes, table, accepting, *kinds, marks)


def _unpacked(data: bytes) -> bytes:
    if not data or data[0] > _ZLIB:
        raise CorruptAutomaton("not an automaton")
    if data[0] == _RAW:
        return data[1:]
    unpack = zlib.decompressobj()
    try:
        body = unpack.decompress(data[1:], MAX_BODY)
    except zlib.error:
        raise CorruptAutomaton("the compressed body is damaged") from None
    if not unpack.eof or unpack.unused_data:
        raise CorruptAutomaton("the compressed body is cut short or too long")
    return body
