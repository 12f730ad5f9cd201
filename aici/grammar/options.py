"""From a list of texts to the automaton that accepts exactly these, in time linear in their bytes.

Goes in: texts. Comes out: a `Dfa`. Everybody may import this module.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import options_kernels as kernels
from .dfa import Dfa
from .errors import OptionsError, OptionsLimitError
from .limits import DEFAULT_LIMITS, DfaLimits
from .spell_kernels import merge_classes


def compile_options(options: Sequence[str], limits: DfaLimits = DEFAULT_LIMITS) -> Dfa:
    """The minimal byte automaton of `options`; repeated ones count once, and the empty text may be one.

    Raises OptionsError for no options at all and for one that is not text, OptionsLimitError past a limit.
    """
    if not options:
        raise OptionsError("there are no options")
    texts = _encoded(options)
    data = b"".join(texts)
    if len(data) > limits.option_bytes:
        raise OptionsLimitError(f"the options have {len(data):,} bytes; the limit is {limits.option_bytes:,}")
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=offsets[1:])
    words = kernels.Words(data=np.frombuffer(data or b"\0", np.uint8), offsets=offsets, n=len(texts))
    automaton = _room(len(data) + 1, max(map(len, texts)) + 1)
    n = kernels.acyclic(words, automaton)
    return _lay_out(automaton, n, _classes(data), limits)


def _encoded(options: Sequence[str]) -> list[bytes]:
    """The options in UTF-8, sorted, each once."""
    try:
        return sorted({str.encode(option) for option in options})
    except (TypeError, UnicodeEncodeError):
        for index, option in enumerate(options):
            if not isinstance(option, str):
                raise OptionsError(f"an option has to be text, not {type(option).__name__}", index) from None
            if any("\ud800" <= char <= "\udfff" for char in option):
                message = "an option holds a surrogate, which is not a character of any text"
                raise OptionsError(message, index) from None
        raise


def _room(states: int, depth: int) -> kernels.Acyclic:
    """Memory for an automaton of so many states; the system commits it as it is touched."""
    buckets = 1 << (2 * states).bit_length()
    return kernels.Acyclic(
        edges=np.empty(states, np.uint32),
        edge_start=np.empty(states + 1, np.uint32),
        ends=np.empty(states, np.uint8),
        hashes=np.empty(states, np.uint64),
        buckets=np.empty(buckets, np.uint32),
        mask=buckets - 1,
        open_edges=np.empty(states, np.uint32),
        open_counts=np.empty(depth, np.uint32),
        open_ends=np.empty(depth, np.uint8),
    )


def _classes(data: bytes) -> list[int]:
    """A class for every byte that occurs and one for the others, numbered in order of their first byte."""
    used = set(data)
    number: dict[int, int] = {}
    return [number.setdefault(byte if byte in used else -1, len(number)) for byte in range(256)]


def _lay_out(automaton: kernels.Acyclic, n: int, of_byte: list[int], limits: DfaLimits) -> Dfa:
    """The canonical form of an acyclic automaton of n states."""
    n_classes = max(of_byte) + 1
    if (n + 1) * n_classes > limits.cells:
        message = f"the options need {n + 1:,} states of {n_classes} classes of bytes"
        raise OptionsLimitError(f"{message}, {(n + 1) * n_classes:,} table entries; the limit is {limits.cells:,}")
    classes = np.array(of_byte, np.uint8)
    table = np.empty((n + 1) * n_classes, np.uint32)
    ends = np.empty(n + 1, np.uint8)
    scratch = np.empty((2, n), np.uint32)
    kernels.lay_out(automaton, n, classes, n_classes, scratch[0], scratch[1], table, ends)
    kept = merge_classes(n + 1, n_classes, table, classes, np.empty(256, np.uint64))
    return Dfa(n + 1, kept, classes, table[: (n + 1) * kept].reshape(n + 1, kept), ends)
