"""The table of what the rules of `controller.lark` mean, and how a rule's action says that it means nothing.

In: actions, as the modules `build_*` define them. Out: `ACTIONS`, full once `build` is imported. Imported by `build`
and its parts only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from aici.diagnostics import Span

ACTIONS: dict[str, Callable[..., Any]] = {}
"""Actions by the names that the grammar gives them."""

_Action = TypeVar("_Action", bound=Callable[..., Any])


def action(function: _Action) -> _Action:
    """What the rule or alias of the function's name means."""
    ACTIONS[function.__name__] = function
    return function


class SyntaxProblem(Exception):
    """A statement that means nothing."""

    def __init__(self, span: Span, message: str, hint: str | None = None) -> None:
        self.span = span
        self.hint = hint
        super().__init__(message)
