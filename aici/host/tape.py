"""Runs that are written down as they go, gone on with after their process died, or played again without a model.

A controller and all that the host does for it are deterministic but for what comes from the world: sampled tokens, and
what tokenizer, constraints and engine answer. A `Tape` is a world (`world.World`) that writes these down (`journal`)
and, as long as it has some that were written before, answers with them. So a run is taken up again by running it again:
the controller runs as it did, and tokens come from the tape until they are used up.

A checkpoint holds the tokens only, since who goes on has the model. A recording holds all answers, so that `replay`
needs nothing but the file. The tape holds the run to what was written: where it takes another way, `Diverged` says
where.

In: an engine, a request, a file. Out: a world to make a `Host` of. Imported by whoever runs requests.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from aici.host.engines.base import ContextFull, Engine, EngineError
from aici.vm.inspect import line
from aici.vm.program import Const
from aici.vm.requests import Generate, Sample, ServiceError

from .constraints import describe
from .desk import Desk
from .journal import Chosen, Journal, JournalError, Known, Odd, Over, Record, Why
from .request import RunRequest
from .result import ENGINE_ERROR, Result
from .sampling import likeliest
from .taped import ModelFacts, TapedDesk, TapedEngine, TapedTokenizer
from .world import Live

if TYPE_CHECKING:
    from aici.host.tokenizer import Tokenizer
    from aici.vm.requests import Outcome

    from .session import Session

_T = TypeVar("_T")
_Asked = TypeVar("_Asked")

LIKELY: Final = 4
"""Tokens whose probability is written down with every sampled one."""


class Diverged(JournalError):
    """The run is not the one that was written down."""


class Cut(JournalError):
    """What was written down ends before the run does."""


class Leave(BaseException):
    """Carries an error out of a run, past everything that would take it for one of the controller's."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


@dataclass(frozen=True)
class Step:
    """A token was just chosen again; `number` counts from 1."""

    number: int
    session: Session
    chosen: Chosen


class Tape:
    """See the module. `live` is None where there is no model; `journal` is None where nothing is to be written.

    `complete`: all answers are (to be) on the tape, not only the tokens. `fast`: while there are old tokens, leave the
    engine alone; when they are used up, have it process all that the sequences hold in one pass. Else it processes them
    in the steps in which it did before, so that its cache is the same to the last bit.
    """

    def __init__(
        self,
        past: Sequence[Record],
        facts: ModelFacts,
        live: Live | None,
        journal: Journal | None,
        *,
        complete: bool,
        fast: bool = False,
    ) -> None:
        self.watch: Callable[[Step], None] | None = None
        """Called for every token that was chosen before and is chosen again."""
        self.live = live
        self._complete = complete
        self._journal = journal
        self._memory = {record.key: record.value for record in past if isinstance(record, Known)}
        self._past = deque(record for record in past if not isinstance(record, (Known, Over)))
        self._over = next((record for record in past if isinstance(record, Over)), None)
        self._left = sum(isinstance(record, Chosen) for record in self._past)
        self._calls = 0
        self._steps = 0
        self._asked: dict[int, tuple[Outcome, int]] = {}
        self._numbers: dict[Const, int] = {}  # of requests, by their texts
        for key, text in self._memory.items():
            match key:
                case ("request", int(number)):
                    self._numbers[text] = number
        real = None if live is None else live.engine
        tokenizer: Tokenizer = TapedTokenizer(self, facts, None if real is None else real.tokenizer)
        if real is not None and not complete:
            tokenizer = real.tokenizer
        absent = real is None or (self._left > 0 and fast)
        self.engine: Engine = TapedEngine(self, facts, tokenizer, real, absent)

    # --- the world ---

    @property
    def needs_masks(self) -> bool:
        return self.live is not None and not self._left

    def desk(self, request: RunRequest) -> Desk:
        live = None if self.live is None else self.live.desk(request)
        return TapedDesk(self, live) if live is None or self._complete else live

    def choose(self, session: Session, logits: NDArray[np.float32]) -> int:
        with self.call() as odd:
            if odd is not None:
                raise Leave(self._diverged("a token was not sampled as it is now"))
            if self._past:
                return self._chosen_again(session)
            if self.live is None:
                raise Leave(self._missing("this is not the end"))
            token = self.live.choose(session, logits)
        self._steps += 1
        why = self._why(session, logits, token) if self._complete else None
        request = self._request_number(session)
        self._write(replace(self._now(session), token=token, request=request, why=why))
        return token

    # --- what was answered before ---

    @property
    def steps(self) -> int:
        """Tokens that were sampled, by now."""
        return self._steps

    @property
    def left(self) -> int:
        """Old tokens that are still to be chosen again."""
        return self._left

    @contextmanager
    def call(self) -> Iterator[Odd | None]:
        """A call of something outside that mostly goes the usual way. Gives what it came to if that was another one;
        if that was an error, raises it. An error of this time is written down."""
        self._calls += 1
        odd = self._odd()
        if odd is not None and odd.error:
            raise _rebuilt(odd)
        try:
            yield odd
        except Exception as error:
            if not self._past and self._matters(error):
                self._write(Odd(self._calls, _error_name(error), str(error)))
            raise

    def note(self, value: Const) -> None:
        """The last call went another way than usual, and this is what it came to."""
        self._write(Odd(self._calls, "", value))

    def know(
        self,
        check: Callable[[Const], _T],
        key: tuple[Const, ...],
        asked: _Asked | None,
        ask: Callable[[_Asked], Const],
    ) -> _T:
        """What something outside always answers to the same question, so that it is asked only once. Raises what that
        raised. `check` raises ValueError for what cannot be the answer."""
        if key not in self._memory:
            if asked is None:
                raise Leave(self._missing(f"nobody asked before for {_shown(key)}"))
            try:
                answer: Const = ("", ask(asked))
            except (ServiceError, ValueError) as error:
                answer = (_error_name(error), str(error))
            self._memory[key] = answer
            self._write(Known(key, answer))
        match self._memory[key]:
            case (str(name), str(message)) if name:
                raise _error(name, message)
            case (_, value):
                return self.checked(check, value)
        raise Leave(JournalError(f"the recording holds a wrong answer to {_shown(key)}"))

    def checked(self, check: Callable[[Const], _T], value: Const) -> _T:
        """A value from the tape that has the right form."""
        try:
            return check(value)
        except ValueError:
            raise Leave(JournalError(f"the recording holds a wrong value at step {self._steps + 1}")) from None

    def _missing(self, message: str) -> JournalError:
        """Why the tape has no answer: it is cut, or the run is another one."""
        if self._past or self._over is not None:
            return self._diverged(message)
        return Cut(f"the recording was cut off: it ends after {self._steps} sampled tokens")

    def _odd(self) -> Odd | None:
        """What is written down for the call just made."""
        head = self._past[0] if self._past else None
        if not isinstance(head, Odd) or head.call > self._calls:
            return None
        if head.call < self._calls:
            raise Leave(self._diverged(f"this did not happen: {head.error or head.value!r}"))
        self._past.popleft()
        return head

    def _matters(self, error: Exception) -> bool:
        """Whether an error belongs to the run: one of the engine itself, which would be tried again, does not."""
        return self._complete or not isinstance(error, EngineError) or isinstance(error, ContextFull)

    def _chosen_again(self, session: Session) -> int:
        record = self._past[0]
        if not isinstance(record, Chosen):
            raise Leave(self._diverged(f"this did not happen: {record}"))
        self._hold(session, record)
        self._past.popleft()
        self._left -= 1
        self._steps += 1
        if not 0 <= record.token < len(self.engine.tokenizer.token_bytes):
            raise Leave(JournalError(f"step {self._steps}: there is no token {record.token}"))
        session.sampler.skip()
        if self.watch is not None:
            self.watch(Step(self._steps, session, record))
        return record.token

    def _hold(self, session: Session, record: Chosen) -> None:
        """Raises if the run is not where it was when this was written."""
        now = self._now(session)
        then_asks, now_asks = self._request_text(record.request), describe_request(session.asked)
        checks = (
            ("the branch whose turn it is", record.branch, now.branch),
            ("what the controller asks for", then_asks, now_asks),
            ("tokens in the branch", record.length, now.length),
            ("pieces of text printed by the branch", record.printed, now.printed),
            ("changes of variables so far", record.version, now.version),
        )
        for what, then, here in checks:
            if then != here:
                message = f"{what}: {_short(then)} when it was written, {_short(here)} now"
                raise Leave(self._diverged(message, session))

    def _diverged(self, message: str, session: Session | None = None) -> Diverged:
        where = "" if session is None else f" (line {line(session.process)} of {session.job.request.program.name})"
        return Diverged(f"the run diverges at step {self._steps + 1}{where}: {message}")

    # --- what is written ---

    def _write(self, record: Record) -> None:
        if self._journal is None:
            return
        try:
            self._journal.write(record)
        except OSError as error:
            raise Leave(error) from None

    def _now(self, session: Session) -> Chosen:
        """Where the run is, without a token."""
        version = session.job.variables.version
        return Chosen(session.index, 0, 0, session.length, len(session.logs), version)

    def _request_number(self, session: Session) -> int:
        """The number under which the text of the session's request is written down."""
        asked, number = self._asked.get(session.index, (None, 0))
        if asked is not session.asked:
            text = describe_request(session.asked)
            number = self._numbers.setdefault(text, len(self._numbers))
            if ("request", number) not in self._memory:
                self._memory["request", number] = text
                self._write(Known(("request", number), text))
            self._asked[session.index] = session.asked, number
        return number

    def _request_text(self, number: int) -> Const:
        return self._memory.get(("request", number), "nothing that is known")

    def _why(self, session: Session, logits: NDArray[np.float32], token: int) -> Why:
        size = len(self.engine.tokenizer.token_bytes)
        allowed, removed, likely = likeliest(logits, session.wants().mask(), size, token, LIKELY)
        pieces = self.engine.tokenizer.token_bytes
        for other, _ in likely:
            pieces[other]  # so that it is known
        return Why(allowed, removed, likely)

    # --- the end ---

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around a run: raises what made the tape leave it (`JournalError`, `OSError`)."""
        try:
            yield
        except Leave as leave:
            if leave.error is not None:
                raise leave.error from None
        finally:
            if self._journal is not None:
                self._journal.close()

    def finish(self, result: Result) -> None:
        """The run is over: held to what was written of its end, or written. Call it within `running`."""
        digests = _digests(result)
        if self._over is None and self._journal is None:
            raise self._missing("this is the end")
        if self._over is None:
            engine_failed = result.error is not None and result.error.kind == ENGINE_ERROR
            if self._complete or not engine_failed:  # who resumes may have an engine that works again
                self._write(Over(digests))
            return
        then = dict(self._over.digests)
        wrong = [name for name, digest in digests if then.get(name) != digest] or sorted(then.keys() - dict(digests))
        if wrong:
            raise Diverged(f"the run ended differently: {', '.join(wrong)}")


def _digests(result: Result) -> tuple[tuple[str, str], ...]:
    """Short hashes of the parts of a result, by names that a user understands."""
    document = result.to_json()
    parts: dict[str, Any] = {name: document[name] for name in ("prompt_tokens", "variables", "usage")}
    for branch in document["branches"]:
        index = branch.pop("index")
        parts |= {f"{name} of branch {index}": value for name, value in branch.items()}
    texts = {name: json.dumps(value, sort_keys=True).encode() for name, value in parts.items()}
    return tuple((name, hashlib.blake2b(text, digest_size=8).hexdigest()) for name, text in texts.items())


def describe_request(asked: Outcome) -> str:
    """What a controller waits for, in words, and a hash of all of it, so that different requests differ."""
    whole = repr(asked)
    return f"{_request_words(asked)} #{hashlib.blake2b(whole.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"


def _request_words(asked: Outcome) -> str:
    if isinstance(asked, Generate):
        words = f"at most {asked.max_tokens} tokens"
        words += "" if asked.stop_at is None else f" up to {asked.stop_at!r}"
    else:
        words = "a token" if isinstance(asked, Sample) else type(asked).__name__
    constraint = getattr(asked, "constraint", None)
    return words if constraint is None else f"{words} under {describe(constraint)}"


def _short(value: Const) -> str:
    """A value as a message shows it; the hash of a request tells only us something."""
    return value.rpartition(" #")[0] if isinstance(value, str) and " #" in value else str(value)


def _shown(key: tuple[Const, ...]) -> str:
    """A question as messages name it."""
    text = f"the tokens of {key[1]!r}" if key[0] == "tokens" else " ".join(str(part) for part in key)
    return text if len(text) <= 100 else text[:100] + "…"


# --- errors as text and back ---


def _error_name(error: Exception) -> str:
    return f"ServiceError {error.kind}" if isinstance(error, ServiceError) else type(error).__name__


def _rebuilt(odd: Odd) -> Exception:
    return _error(odd.error, str(odd.value))


def _error(name: str, message: str) -> Exception:
    """An error that has the same effect as the one that was written down."""
    kind, _, detail = name.partition(" ")
    if kind == "ServiceError":
        return ServiceError(message, detail)
    known: dict[str, type[Exception]] = {
        "ContextFull": ContextFull,
        "EngineError": EngineError,
        "ValueError": ValueError,
    }
    made: Exception = known.get(kind, type(kind, (Exception,), {}))(message)
    return made
