"""One sequence: a controller's process, its tokens, and how many of them are in the engine's cache.

The scheduler calls `advance` to run the controller until it needs what only the whole batch can give (logits, a fork,
a variable of another branch, the next step), `feed` for what the engine has to process then, and `sampled` with the
token. All that concerns the sequence alone happens here.

Tokens reach the engine late: fixed text is only noted, so consecutive texts merge into one forward pass, and text that
is dropped again before any logits are needed costs none.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, Final

from aici.host.engines.base import Engine, Feed
from aici.host.sampling import Sampler
from aici.vm.fork import forks
from aici.vm.machine import resume_error, run
from aici.vm.process import Process
from aici.vm.requests import (
    Append,
    Failed,
    Finished,
    Fork,
    Generate,
    Generated,
    GetPrompt,
    Noop,
    Outcome,
    Sample,
    ServiceError,
    Stop,
    WaitVars,
)

from .desk import Work
from .events import Backtracked, Ended, Fixed, Forced, Token
from .job import Job
from .result import Branch, BranchError
from .services import SequenceServices

_REPLIES_A_STEP: Final = 1000
"""Replies that a controller gets before the rest of the batch has its turn."""


class Phase(Enum):
    """What a sequence waits for."""

    READY = auto()  # nothing: its controller can go on
    SAMPLING = auto()  # a token
    FORKING = auto()  # free sequences, and its tokens in the cache
    WAITING = auto()  # variables
    PAUSED = auto()  # the next step
    OVER = auto()


class Session(SequenceServices):
    """See the module. `seq` is the engine's sequence (-1 while it has none), `cached` how many tokens that holds,
    `path` what each fork returned."""

    __slots__ = (
        "_engine",
        "_error",
        "_finish_reason",
        "_reply",
        "_throw",
        "asked",
        "branches",
        "cached",
        "path",
        "phase",
        "process",
        "sampler",
        "seq",
        "waits_for",
        "work",
    )

    def __init__(self, job: Job, engine: Engine, process: Process, index: int = 0) -> None:
        super().__init__(job, index, engine.tokenizer, engine.n_vocab)
        self._engine = engine
        self.process = process
        self.asked: Outcome = GetPrompt()
        """What the controller waits for, or waited for last."""
        self.path: tuple[int, ...] = ()
        self.seq = -1
        self.cached = 0
        self.sampler = Sampler(job.request.sampling)
        self.phase = Phase.READY
        self.work: Work | None = None  # while SAMPLING
        self.branches = 0  # while FORKING: how many to make
        self.waits_for: tuple[str, ...] = ()  # while WAITING
        self._reply: Any = None
        self._throw: ServiceError | None = None
        self._finish_reason = ""
        self._error: BranchError | None = None

    @property
    def length(self) -> int:
        """Tokens, those of the prompt included."""
        return len(self._tokens)

    @property
    def alive(self) -> bool:
        return self.phase is not Phase.OVER

    # --- the controller ---------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Run the controller until it is no longer READY."""
        for _ in range(_REPLIES_A_STEP):
            self._handle(self._resume())
            if self.phase is not Phase.READY:
                return
        self.phase = Phase.PAUSED

    def answer(self, reply: Any) -> None:
        """Have the controller go on with this reply."""
        self._reply = reply
        self.phase = Phase.READY

    def throw(self, error: ServiceError) -> None:
        """Have the controller go on with this error, raised where it waits."""
        self._throw = error
        self.work = None
        self.phase = Phase.READY

    def _resume(self) -> Outcome:
        reply, self._reply = self._reply, None
        error, self._throw = self._throw, None
        if error is not None:
            return resume_error(self.process, self, error.kind, str(error))
        return run(self.process, self, reply)

    def _handle(self, outcome: Outcome) -> None:
        self.asked = outcome
        try:
            match outcome:
                case GetPrompt():
                    self.answer(self.job.prompt.copy())
                case Append():
                    self.answer(self._append(outcome))
                case Generate():
                    self._sample(self.job.desk.generation(outcome))
                case Sample():
                    self._sample(self.job.desk.one_token(outcome))
                case Fork(n):
                    self._fork(n)
                case WaitVars(names):
                    self.waits_for = names
                    self.phase = Phase.WAITING
                    self.look_at_variables()
                case Noop():
                    self.phase = Phase.PAUSED
                case Stop():
                    self.end("stop")
                case Finished() if self.process.main is None:
                    self.end("error", BranchError.of("NotStarted", "the controller never called aici.start(...)"))
                case Finished():
                    self.end("end")
                case Failed(kind, message, traceback):
                    self.end("error", BranchError(kind, message, traceback))
        except ServiceError as error:
            self.throw(error)

    def wake(self) -> None:
        """A new step: go on if PAUSED."""
        if self.phase is Phase.PAUSED:
            self.phase = Phase.READY

    def look_at_variables(self) -> None:
        """Go on if WAITING and all variables are there."""
        if self.phase is Phase.WAITING and (values := self.job.variables.values(self.waits_for)) is not None:
            self.answer(values)

    def _sample(self, work: Work) -> None:
        if work.reply is not None:
            self._complete(work)
        elif not self._tokens:
            raise ServiceError("nothing to continue: the prompt is empty and no text was appended", "RuntimeError")
        else:
            self.work = work
            self.phase = Phase.SAMPLING
            self._forward(work)

    def _forward(self, work: Work) -> None:
        """Append what leaves no choice; hand the controller what came if that was all."""
        if work.reply is None and self.job.request.fast_forward:
            first, tokens = work.first, work.force()
            self._admit_length(len(self._tokens) + len(tokens))
            self._tokens += tokens
            if tokens and self.job.events is not None:
                self.job.emit(Forced(self.index, tuple(tokens), self.tokenizer.decode(tokens), first))
        if work.reply is not None:
            self._complete(work)

    def _complete(self, work: Work) -> None:
        """Hand the controller what was sampled."""
        self.work = None
        if work.store_var is not None and isinstance(work.reply, Generated):
            self.set_var(work.store_var, work.reply.text)
        self.answer(work.reply)

    def _fork(self, n: int) -> None:
        if n < 1:
            raise ServiceError(f"cannot fork into {n} branches: at least one is needed")
        self.branches = n
        self.phase = Phase.FORKING

    def admit_fork(self) -> None:
        """While FORKING: raises `ServiceError` if the request may not have that many branches."""
        limits = self.job.request.limits
        alive = len(self.job.live) + self.branches - 1
        allowed = min(limits.branches, self._engine.max_sequences)
        if alive > allowed:
            message = f"fork({self.branches}) would make {alive} live branches: the limit is {allowed}"
            raise ServiceError(message, "RuntimeError")
        if len(self.job.sessions) + self.branches - 1 > limits.forks:
            raise ServiceError(f"a request makes at most {limits.forks} branches in all", "RuntimeError")

    def end(self, reason: str, error: BranchError | None = None) -> None:
        """The branch is over."""
        self._finish_reason = reason
        self._error = error
        self.work = None
        self.phase = Phase.OVER
        self.job.emit(Ended(self.index, reason, None if error is None else str(error)))

    def outcome(self) -> Branch:
        tokens = self._tokens[len(self.job.prompt) :]
        return Branch(
            index=self.index,
            path=self.path,
            tokens=tokens,
            content=self.tokenizer.decode(tokens),
            logs="".join(self.logs),
            finish_reason=self._finish_reason,
            error=self._error,
        )

    # --- tokens -----------------------------------------------------------------------------------------------------

    def _append(self, request: Append) -> list[int]:
        tokens = self._tokens_of(request)
        position = len(self._tokens) if request.following is None else request.following
        if not len(self.job.prompt) <= position <= len(self._tokens):
            raise ServiceError(
                f"cannot continue at position {position}: positions after the prompt are "
                f"{len(self.job.prompt)} to {len(self._tokens)}"
            )
        self._admit_length(position + len(tokens))
        self._truncate(position)
        self._tokens += tokens
        if tokens and self.job.events is not None:
            self.job.emit(Fixed(self.index, tuple(tokens), self.tokenizer.decode(tokens)))
        return tokens

    def _tokens_of(self, request: Append) -> list[int]:
        if isinstance(request.text, bytes):
            return self.tokenize(request.text, request.special)
        self.check_tokens(request.text)
        return list(request.text)

    def _admit_length(self, length: int) -> None:
        if length > self._engine.context_length:
            raise ServiceError(
                f"the sequence would hold {length} tokens: the context has room for {self._engine.context_length}",
                "RuntimeError",
            )

    def _truncate(self, position: int) -> None:
        if position == len(self._tokens):
            return
        if self.job.events is not None:
            dropped = self._tokens[position:]
            self.job.emit(Backtracked(self.index, tuple(dropped), self.tokenizer.decode(dropped)))
        del self._tokens[position:]
        if position < self.cached:
            self._engine.truncate(self.seq, position)
            self.cached = position

    def feed(self) -> Feed | None:
        """What the engine has to process next: while SAMPLING all tokens that it lacks (at least one, for the logits);
        while FORKING all but the last, which each branch needs for logits of its own, so there may be nothing.
        Raises `ServiceError` at a limit."""
        if self.phase is Phase.FORKING:
            tokens = self._tokens[self.cached : -1]
            if not tokens:
                return None
        else:
            self._admit_length(len(self._tokens))
            if self.cached == len(self._tokens):  # the logits are gone: have the last token processed again
                self.cached -= 1
                self._engine.truncate(self.seq, self.cached)
            tokens = self._tokens[self.cached :]
        self.job.admit_tokens(len(tokens))
        return Feed(self.seq, tokens, self.phase is Phase.SAMPLING)

    def wants(self) -> Work:
        """While SAMPLING: what for."""
        assert self.work is not None
        return self.work

    def processed(self, feed: Feed) -> None:
        """The engine has processed what `feed` gave."""
        self.cached += len(feed.tokens)
        self.job.processed += len(feed.tokens)

    def sampled(self, token: int | None) -> None:
        """The token that was sampled for `work`, or None at the end of the sequence."""
        work = self.wants()
        self.job.sampled += 1
        if token is None:
            work.take_eos()
        else:
            text = self.tokenizer.token_bytes[token] or b""
            self._tokens.append(token)
            if self.job.events is not None:
                self.job.emit(Token(self.index, token, text, work.first))
            work.take(token, text)
        try:
            self._forward(work)
        except ServiceError as error:
            self.throw(error)

    def split(self, n: int, first: int) -> list[Session]:
        """Copies of this sequence and its controller, whose indices begin at `first` and who see `fork` return 1 to
        n - 1. The caller gives them sequences that are copies of this one's."""
        copies = forks(self.process, n - 1)
        return [self._branch(copy, number, first + number - 1) for number, copy in enumerate(copies, 1)]

    def _branch(self, process: Process, number: int, index: int) -> Session:
        twin = Session(self.job, self._engine, process, index)
        twin.path = (*self.path, number)
        twin.sampler = self.sampler.fork(number)
        twin.asked = self.asked
        twin.cached = self.cached
        twin._tokens = self._tokens.copy()
        twin.answer(number)
        return twin

    def become_first(self) -> None:
        """Go on as the first branch of a fork."""
        self.path = (*self.path, 0)
        self.sampler = self.sampler.fork(0)
        self.answer(0)
