"""Why a token was chosen, and what the controller's state was: for whoever replays a recording.

Goes in: steps of a tape (`Tape.watch`). Comes out: plain data, ready for JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from aici.vm.inspect import Call, calls, line
from aici.vm.requests import Generate, Outcome, Sample

from .constraints import describe
from .result import variables_to_json
from .tape import Step


@dataclass(frozen=True)
class Likely:
    """A token that was allowed, its text, and the model's probability of it at temperature 1, without the mask."""

    token: int
    text: str
    probability: float


@dataclass(frozen=True)
class Choice:
    """A sampled token and what was in force: the branch, the controller's line, the constraint (None if there was
    none), how many tokens of how many it allowed, and the probability that the mask removed. `likely`: the sampled
    token, then the likeliest allowed ones."""

    step: int
    branch: int
    line: int
    constraint: str | None
    allowed: int
    vocabulary: int
    removed: float
    likely: tuple[Likely, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Moment:
    """The state of a branch when the token of `choice` was about to come: calls in progress from the outermost inwards,
    tokens and text so far, what the branch printed, and the variables of all branches."""

    choice: Choice
    calls: tuple[Call, ...]
    tokens: tuple[int, ...]
    text: bytes
    logs: str
    variables: dict[str, bytes]

    def to_json(self) -> dict[str, Any]:
        return {
            "choice": self.choice.to_json(),
            "calls": [{**asdict(call), "variables": dict(call.variables)} for call in self.calls],
            "tokens": list(self.tokens),
            "text": self.text.decode("utf-8", "replace"),
            "logs": self.logs,
            "variables": variables_to_json(self.variables),
        }


def explain(step: Step) -> Choice:
    session, why = step.session, step.chosen.why
    assert why is not None, "recordings hold reasons with every token"
    return Choice(
        step=step.number,
        branch=session.index,
        line=line(session.process),
        constraint=_constraint(session.asked),
        allowed=why.allowed,
        vocabulary=len(session.tokenizer.token_bytes),
        removed=why.removed,
        likely=tuple(Likely(token, _text(step, token), probability) for token, probability in why.likely),
    )


def moment(step: Step) -> Moment:
    session = step.session
    tokens = session.tokens()
    return Moment(
        choice=explain(step),
        calls=tuple(calls(session.process, session)),
        tokens=tuple(tokens),
        text=session.tokenizer.decode(tokens),
        logs="".join(session.logs),
        variables=session.job.variables.snapshot(),
    )


def _constraint(asked: Outcome) -> str | None:
    if isinstance(asked, (Generate, Sample)) and asked.constraint is not None:
        return describe(asked.constraint)
    if isinstance(asked, Sample) and asked.allowed is not None:
        return "a set of tokens"
    return None


def _text(step: Step, token: int) -> str:
    """A token as text; special ones by their names."""
    tokenizer = step.session.tokenizer
    piece = tokenizer.token_bytes[token]
    if piece is not None:
        return piece.decode("utf-8", "backslashreplace")
    return next((name for name, special in tokenizer.special.items() if special == token), f"<token {token}>")
