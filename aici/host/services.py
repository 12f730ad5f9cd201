"""What the controller of one sequence may ask without suspending: `aici.vm.requests.Services` over a sequence.

Everything that comes in is untrusted: sizes and token ids are checked before work is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aici.grammar.constraint import DEAD
from aici.host.tokenizer import Tokenizer
from aici.vm.requests import ConstraintSpec, ServiceError

from .events import Logged, VariableSet
from .job import Job

_CONFIG: Final = {"fork": 1, "backtrack": 1, "ff_tokens": 1}
_MAX_TEXT: Final = 1 << 20  # bytes of a text to tokenize


class SequenceServices:
    """A sequence's tokens and logs, and through its job all that branches share."""

    __slots__ = ("_tokens", "index", "job", "logs", "n_vocab", "tokenizer")

    def __init__(self, job: Job, index: int, tokenizer: Tokenizer, n_vocab: int) -> None:
        self.job = job
        self.index = index
        self.tokenizer = tokenizer
        self.n_vocab = n_vocab
        self.logs: list[str] = []
        self._tokens = job.prompt.copy()

    def log(self, text: str) -> None:
        self.logs.append(text)
        if self.job.events is not None:
            self.job.emit(Logged(self.index, text))

    def tokenize(self, text: bytes, special: bool) -> list[int]:
        if len(text) > _MAX_TEXT:
            raise ServiceError(f"cannot tokenize {len(text)} bytes at once: the limit is {_MAX_TEXT}")
        try:
            return self.tokenizer.encode(text, special)
        except ValueError as error:
            raise ServiceError(str(error)) from error

    def detokenize(self, tokens: Sequence[int]) -> bytes:
        self.check_tokens(tokens)
        return self.tokenizer.decode(tokens)

    def token_repr(self, token: int) -> str:
        self.check_tokens((token,))
        text = self.tokenizer.token_bytes[token]
        if text is not None:
            return repr(text.decode("utf-8", "backslashreplace"))
        names = (name for name, special in self.tokenizer.special.items() if special == token)
        return next(names, f"<token {token}>")

    def eos_token(self) -> int:
        return self.tokenizer.eos_ids[0]

    def vocabulary_size(self) -> int:
        return self.n_vocab

    def tokens(self) -> list[int]:
        return self._tokens.copy()

    def prompt_length(self) -> int:
        return len(self.job.prompt)

    def get_var(self, name: str) -> bytes | None:
        return self.job.variables.get(name)

    def set_var(self, name: str, value: bytes) -> None:
        self.job.variables.set(name, value)
        if self.job.events is not None:
            self.job.emit(VariableSet(self.index, name, value))

    def append_var(self, name: str, value: bytes) -> None:
        self.job.variables.append(name, value)
        if self.job.events is not None:
            self.job.emit(VariableSet(self.index, name, self.job.variables.get(name) or b""))

    def sequence_id(self) -> int:
        return self.index

    def config(self, name: str) -> int:
        return _CONFIG.get(name, 0)

    def constraint_start(self, spec: ConstraintSpec) -> int:
        return self.job.desk.start(spec)

    def constraint_advance(self, spec: ConstraintSpec, state: int, token: int) -> int:
        self.check_tokens((token,))
        after = self.job.desk.advance(spec, state, token)
        if after == DEAD:
            raise ServiceError(f"token {self.token_repr(token)} is not allowed here")
        return after

    def constraint_mask(self, spec: ConstraintSpec, state: int) -> bytes:
        return self.job.desk.mask(spec, state)[: (self.n_vocab + 7) // 8]

    def constraint_eos(self, spec: ConstraintSpec, state: int) -> tuple[bool, bool]:
        return self.job.desk.ends(spec, state)

    def check_tokens(self, tokens: Sequence[int]) -> None:
        """Raises `ServiceError` for an id outside the vocabulary."""
        size = len(self.tokenizer.token_bytes)
        for token in tokens:
            if not 0 <= token < size:
                raise ServiceError(f"there is no token {token}: ids are 0 to {size - 1}")
