"""What crosses the border between the machine and its host, in both directions.

A process *suspends* with a `Request` where the controller awaits something that only the host can give; the host
resumes it with the reply that the request's docstring names. What needs no suspension (tokenizer, variables, constraint
look-ups) goes through `Services`, an interface that the host passes to each run and that the process never holds: so a
process stays plain data that can be forked and serialised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True)
class ConstraintSpec:
    """Which constraint a controller asks for; hashable, so that hosts share compiled ones.

    `kind` and its `args`: "regex", the pattern; "options", the options, in order; "substring", the text that is quoted
    from and what ends a quotation; "identifiers", further characters of identifiers, then the identifiers. Of other
    constraints: "and", "or" and "concat", two; "not", one; "until", one and the text that ends it.
    """

    kind: str
    args: tuple[str | ConstraintSpec, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The arguments that are text."""
        return tuple(arg for arg in self.args if isinstance(arg, str))

    @property
    def parts(self) -> tuple[ConstraintSpec, ...]:
        """The constraints that it is made of."""
        return tuple(arg for arg in self.args if isinstance(arg, ConstraintSpec))


@dataclass(frozen=True)
class GetPrompt:
    """Reply: the prompt's token ids, `list[int]`. Initialisation ends here."""


@dataclass(frozen=True)
class Append:
    """Append exactly this text or these tokens; with `following`, first drop every token from that position on.
    Reply: the tokens appended, `list[int]`."""

    text: bytes | tuple[int, ...]
    following: int | None = None
    special: bool = True  # whether names of special tokens in the text stand for those tokens


@dataclass(frozen=True)
class Generate:
    """Generate up to `max_tokens` tokens. Ends at the limit, at end of sequence, when the constraint can only end, or
    once the text holds `stop_at`, or one of several, (which is kept, and with which the text ends if all are UTF-8).
    `complete`: under a constraint, only texts that satisfy it (or end with `stop_at`) within `max_tokens`; ValueError
    if there are none. Reply: `Generated`. `store_var` gets the bytes."""

    constraint: ConstraintSpec | None
    max_tokens: int
    stop_at: bytes | tuple[bytes, ...] | None
    store_var: str | None
    complete: bool = True

    @property
    def stops(self) -> tuple[bytes, ...]:
        """The stop texts, none of them empty unless that is a mistake."""
        if self.stop_at is None:
            return ()
        return (self.stop_at,) if isinstance(self.stop_at, bytes) else self.stop_at


@dataclass(frozen=True)
class Generated:
    """Reply to `Generate`: the tokens (no end-of-sequence token among them) and their bytes."""

    tokens: list[int]
    text: bytes


@dataclass(frozen=True)
class Sample:
    """Sample one token under a constraint in the given state (`Services.constraint_start`/`_advance`), or under an
    explicit set of tokens (bitmask, bit i of byte i // 8, vocabulary-sized), or freely. Reply: `Sampled`."""

    constraint: ConstraintSpec | None = None
    state: int = 0
    allowed: bytes | None = None


@dataclass(frozen=True)
class Sampled:
    """Reply to `Sample`: the token, absent at end of sequence."""

    tokens: list[int]
    finished: bool


@dataclass(frozen=True)
class Fork:
    """Split into `n` branches. The host copies the process; reply to each copy: its index, 0 to n - 1."""

    n: int


@dataclass(frozen=True)
class WaitVars:
    """Wait until every variable is set. Reply: their values, `list[bytes]`, in order."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Noop:
    """Do nothing for a step. Reply: None."""


@dataclass(frozen=True)
class Stop:
    """End this sequence now; never resumed."""


Request: TypeAlias = GetPrompt | Append | Generate | Sample | Fork | WaitVars | Noop | Stop


@dataclass(frozen=True)
class Finished:
    """The program came to its end."""


@dataclass(frozen=True)
class Failed:
    """An uncaught error, or a limit that was met, ended the program.

    `kind` is the exception's class name ("ValueError") or the limit's ("FuelExhausted"); `message` its text;
    `traceback` is complete, in the controller's own source lines.
    """

    kind: str
    message: str
    traceback: str


Outcome: TypeAlias = Request | Finished | Failed


class ServiceError(Exception):
    """Raised by a service that refuses: becomes the controller's exception of class `kind` at the calling line."""

    def __init__(self, message: str, kind: str = "ValueError") -> None:
        self.kind = kind
        super().__init__(message)


class Services(Protocol):
    """What a controller may ask of its host without suspending. Every method is quick and never blocks.

    Token ids outside the vocabulary raise `ServiceError`.
    """

    def log(self, text: str) -> None:
        """Take a piece of output of `print` (line breaks included)."""

    def tokenize(self, text: bytes, special: bool) -> list[int]: ...

    def detokenize(self, tokens: Sequence[int]) -> bytes: ...

    def token_repr(self, token: int) -> str: ...

    def eos_token(self) -> int: ...

    def vocabulary_size(self) -> int:
        """Length of a token set: that of the model's logits."""

    def tokens(self) -> list[int]:
        """All tokens of this sequence, prompt and pending fixed tokens included."""

    def prompt_length(self) -> int: ...

    def get_var(self, name: str) -> bytes | None: ...

    def set_var(self, name: str, value: bytes) -> None: ...

    def append_var(self, name: str, value: bytes) -> None: ...

    def sequence_id(self) -> int: ...

    def config(self, name: str) -> int:
        """Value of a host setting, such as "fork" or "backtrack"; 0 when the host does not know it."""

    def constraint_start(self, spec: ConstraintSpec) -> int:
        """First state; compiles the constraint. `ServiceError` for a wrong pattern."""

    def constraint_advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        """State after the token; `ServiceError` if it is not allowed there."""

    def constraint_mask(self, spec: ConstraintSpec, state: int) -> bytes:
        """Allowed tokens as a bitmask (bit i % 8 of byte i // 8), `ceil(vocabulary_size / 8)` bytes; end-of-sequence
        tokens are in it where the text may end."""

    def constraint_eos(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        """Whether the text may end here, and whether it can only end here."""
