"""Engine, tokenizer and desk as a run with a tape sees them: the real ones, with their answers kept, or none at all.

In: a `Tape` and the real thing, or None. Out: what `tape` puts together to a world. Nobody else imports this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from aici.host.engines.base import Engine, Feed
from aici.host.tokenizer import Tokenizer
from aici.vm.program import Const
from aici.vm.requests import ConstraintSpec, Generate, Generated, Sample, Sampled

from .desk import Desk, Work
from .journal import Odd

if TYPE_CHECKING:
    from .tape import Tape

_NO_LOGITS: Final = np.empty(0, np.float32)
"""Stands for logits that nobody looks at."""


@dataclass(frozen=True)
class ModelFacts:
    """What is to be known of a model without having it."""

    name: str
    n_vocab: int
    n_tokens: int
    context_length: int
    max_sequences: int
    eos_ids: tuple[int, ...]
    prefix_ids: tuple[int, ...]
    special: tuple[tuple[str, int], ...]


_Cells: TypeAlias = "list[tuple[int, int]]"
"""What a sequence holds: numbers of cells, which forks share, and the tokens in them."""


class TapedEngine:
    """An `Engine`. As long as the tape has the tokens, nobody computes logits. While it is `absent` it only keeps track
    of what the sequences hold; when logits are wanted after all, the real one's cache is filled with that."""

    def __init__(self, tape: Tape, facts: ModelFacts, tokenizer: Tokenizer, real: Engine | None, absent: bool) -> None:
        self.name = facts.name
        self.tokenizer = tokenizer
        self.n_vocab = facts.n_vocab
        self.context_length = facts.context_length
        self.max_sequences = facts.max_sequences
        self._tape = tape
        self._real = real
        self._held: list[_Cells] | None = [[] for _ in range(self.max_sequences)] if absent else None
        self._cells = 0

    def decode(self, feeds: Sequence[Feed]) -> list[NDArray[np.float32] | None]:
        with self._tape.call():
            wanted = sum(feed.logits for feed in feeds)
            if self._real is not None and wanted > self._tape.left:
                return self._present().decode(feeds)
            if self._held is not None:
                self._hold(self._held, feeds)
            elif self._real is not None:
                self._real.decode([replace(feed, logits=False) for feed in feeds])
            return [_NO_LOGITS if feed.logits else None for feed in feeds]

    def _hold(self, held: list[_Cells], feeds: Sequence[Feed]) -> None:
        for feed in feeds:
            cells = range(self._cells, self._cells + len(feed.tokens))
            held[feed.seq] += zip(cells, feed.tokens, strict=True)
            self._cells = cells.stop

    def length(self, seq: int) -> int:
        return len(self._held[seq]) if self._held is not None else self._present().length(seq)

    def truncate(self, seq: int, length: int) -> None:
        with self._tape.call():
            if self._held is not None:
                del self._held[seq][length:]
            else:
                self._present().truncate(seq, length)

    def fork(self, source: int, target: int) -> None:
        with self._tape.call():
            if self._held is not None:
                self._held[target] = self._held[source].copy()
            else:
                self._present().fork(source, target)

    def free(self, seq: int) -> None:
        """Not on the tape: it happens at interrupts too, and nobody minds if it fails."""
        if self._held is not None:
            self._held[seq] = []
        else:
            self._present().free(seq)

    def close(self) -> None:
        """The real engine stays open: who made it closes it."""

    def _present(self) -> Engine:
        """The real engine, its cache filled with what the sequences hold."""
        assert self._real is not None
        if self._held is not None:
            held, self._held = self._held, None
            _fill(self._real, held)
        return self._real


def _fill(engine: Engine, held: Sequence[_Cells]) -> None:
    """Have the empty sequences of an engine hold these tokens, and share the cells that forks shared."""
    source: int | None = None
    before: _Cells = []
    for cells, seq in sorted((cells, seq) for seq, cells in enumerate(held) if cells):
        common = _common(before, cells)
        if source is not None and common:
            engine.fork(source, seq)
            engine.truncate(seq, common)
        if common < len(cells):
            engine.decode([Feed(seq, [token for _, token in cells[common:]], False)])
        source, before = seq, cells


def _common(one: _Cells, other: _Cells) -> int:
    """How many cells two sequences begin with in common."""
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)


class _Pieces(Sequence["bytes | None"]):
    """The bytes of tokens, each kept when it is asked for."""

    def __init__(self, tape: Tape, size: int, real: Sequence[bytes | None] | None) -> None:
        self._tape = tape
        self._size = size
        self._real = real
        self._known: dict[int, bytes | None] = {}

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> bytes | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes | None]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes | None] | None:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._size))]
        if index not in self._known:
            self._known[index] = self._tape.know(_piece, ("piece", index), self._real, lambda real: real[index])
        return self._known[index]


class TapedTokenizer:
    """A `Tokenizer`."""

    def __init__(self, tape: Tape, facts: ModelFacts, real: Tokenizer | None) -> None:
        self._tape = tape
        self._real = real
        self.token_bytes: Sequence[bytes | None] = _Pieces(
            tape, facts.n_tokens, None if real is None else real.token_bytes
        )
        self.eos_ids: Sequence[int] = facts.eos_ids
        self.special: Mapping[str, int] = dict(facts.special)
        self.prefix_ids: Sequence[int] = facts.prefix_ids

    def encode(self, text: bytes, special: bool = True) -> list[int]:
        key = "tokens", text, special
        tokens = self._tape.know(_tokens, key, self._real, lambda real: tuple(real.encode(text, special)))
        for token in tokens:
            self.token_bytes[token]  # so that it is known, for who shows the recording
        return list(tokens)

    def decode(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self.token_bytes[token] or b"" for token in tokens)


class TapedDesk:
    """A `Desk`."""

    def __init__(self, tape: Tape, real: Desk | None) -> None:
        self._tape = tape
        self._real = real
        self._numbers: dict[ConstraintSpec, int] = {}

    def generation(self, request: Generate) -> Work:
        real = self._real
        return _TapedWork(self._tape, request, None if real is None else lambda: real.generation(request))

    def one_token(self, request: Sample) -> Work:
        real = self._real
        return _TapedWork(self._tape, request, None if real is None else lambda: real.one_token(request))

    def start(self, spec: ConstraintSpec) -> int:
        return self._tape.know(_place, ("start", self._number(spec)), self._real, lambda real: real.start(spec))

    def advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        key = "advance", self._number(spec), state, token
        return self._tape.know(_place, key, self._real, lambda real: real.advance(spec, state, token))

    def mask(self, spec: ConstraintSpec, state: int) -> bytes:
        key = "mask", self._number(spec), state
        return self._tape.know(_mask, key, self._real, lambda real: real.mask(spec, state))

    def ends(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        key = "ends", self._number(spec), state
        return self._tape.know(_flags, key, self._real, lambda real: real.ends(spec, state))

    def _number(self, spec: ConstraintSpec) -> int:
        """A short name for a constraint, which may be long."""
        if spec not in self._numbers:
            key = "constraint", repr(spec)
            self._numbers[spec] = self._tape.know(_state, key, self._real, lambda real: len(self._numbers))
        return self._numbers[spec]


class _TapedWork:
    """A `Work`. After each call it usually goes on, with no forced tokens; anything else is on the tape."""

    def __init__(self, tape: Tape, request: Generate | Sample, make: Callable[[], Work] | None) -> None:
        self._tape = tape
        self._tokens: list[int] = []
        self._real: Work | None = None
        self._samples = isinstance(request, Sample)
        self.store_var = request.store_var if isinstance(request, Generate) else None
        self.reply: Generated | Sampled | None = None
        with tape.call() as odd:
            if make is not None:
                self._real = make()
        self._settle(odd)

    @property
    def first(self) -> bool:
        return not self._tokens

    def mask(self) -> NDArray[np.uint32] | None:
        return None if self._real is None else self._real.mask()

    def has_mask(self) -> bool:
        return self._real is None or self._real.has_mask()

    def take(self, token: int, text: bytes) -> None:
        self._tokens.append(token)
        with self._tape.call() as odd:
            if self._real is not None:
                self._real.take(token, text)
        self._settle(odd)

    def take_eos(self) -> None:
        if self._real is not None:
            self._real.take_eos()
        self._end()

    def force(self) -> Sequence[int]:
        forced: Sequence[int] = ()
        with self._tape.call() as odd:
            if self._real is not None:
                forced = self._real.force()
        return self._settle(odd, forced)

    def _settle(self, odd: Odd | None, forced: Sequence[int] = ()) -> Sequence[int]:
        """After a call: take what came of it from the tape, or put it there. The tokens that were forced."""
        over = self._real is not None and self._real.reply is not None
        if odd is not None:
            over, forced = self._tape.checked(_outcome, odd.value)
        elif over or forced:
            self._tape.note((over, tuple(forced)))
        self._tokens += forced
        if over:
            self._end()
        return forced

    def _end(self) -> None:
        if self._samples:
            self.reply = Sampled(self._tokens, not self._tokens)
        else:
            self.reply = Generated(self._tokens, self._tape.engine.tokenizer.decode(self._tokens))


# --- what is on a tape, checked: anybody may have written it. They raise ValueError ---


def _piece(value: Const) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    raise ValueError


def _tokens(value: Const) -> tuple[int, ...]:
    if isinstance(value, tuple):
        return tuple(map(_state, value))
    raise ValueError


def _state(value: Const) -> int:
    if isinstance(value, int) and 0 <= value < 1 << 32:
        return value
    raise ValueError


def _place(value: Const) -> int:
    if isinstance(value, int) and 0 <= value < 1 << 64:
        return value
    raise ValueError


def _mask(value: Const) -> bytes:
    if isinstance(value, bytes):
        return value
    raise ValueError


def _flags(value: Const) -> tuple[bool, bool]:
    match value:
        case (bool(can), bool(must)):
            return can, must
    raise ValueError


def _outcome(value: Const) -> tuple[bool, tuple[int, ...]]:
    match value:
        case (bool(over), forced):
            return over, _tokens(forced)
    raise ValueError
