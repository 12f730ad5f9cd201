"""One request on its way through the scheduler: what its branches share, and what becomes the result."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from aici.vm.requests import ServiceError

from .desk import Desk
from .events import Event
from .request import RunRequest
from .result import Result, StepTiming, Usage
from .variables import Variables

if TYPE_CHECKING:
    from .session import Session


class Job:
    """`events` is None where nobody listens, so that nothing is made for nobody."""

    __slots__ = (
        "desk",
        "events",
        "live",
        "parked",
        "processed",
        "prompt",
        "prompt_text",
        "request",
        "result",
        "sampled",
        "seen_version",
        "sessions",
        "steps",
        "variables",
    )

    def __init__(self, request: RunRequest, prompt: list[int], prompt_text: bytes, desk: Desk, listen: bool) -> None:
        self.request = request
        self.prompt = prompt
        self.prompt_text = prompt_text
        self.desk = desk
        self.variables = Variables(request.limits.variable_bytes)
        self.seen_version = 0
        self.sessions: list[Session] = []  # all branches, in order of their making
        self.live: list[Session] = []  # those that are not over
        self.events: deque[Event] | None = deque() if listen else None
        self.steps: list[StepTiming] = []
        self.sampled = 0
        self.processed = 0
        self.result: Result | None = None
        self.parked = False  # out of the engine until there is room

    @property
    def done(self) -> bool:
        return self.result is not None

    def add(self, session: Session) -> None:
        """A new branch."""
        self.sessions.append(session)
        self.live.append(session)

    def emit(self, event: Event) -> None:
        if self.events is not None:
            self.events.append(event)

    def admit_tokens(self, processed: int) -> None:
        """Raises `ServiceError` if the engine may not process that many tokens more, and sample one more."""
        limit = self.request.limits.tokens
        if self.processed + processed > limit or self.sampled >= limit:
            raise ServiceError(f"the request's limit of {limit} tokens is reached", "RuntimeError")

    def finish(self) -> None:
        self.result = Result(
            prompt=self.prompt_text.decode("utf-8", "replace"),
            prompt_tokens=self.prompt,
            branches=[session.outcome() for session in self.sessions],
            variables=self.variables.snapshot(),
            usage=Usage(self.sampled, self.processed),
            steps=self.steps,
        )
