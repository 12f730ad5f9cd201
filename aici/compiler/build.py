"""What the rules of `controller.lark` mean: one action for each rule or alias, which makes nodes of the syntax tree.

In: the span of what a rule matched, parentheses included, and what its parts yielded (nodes, tokens, tuples). Out: a
node. Actions are pure; what the grammar lets through and the language does not is raised as `SyntaxProblem` where the
tree would no longer show it, the rest is left to `subset`. Imported by `parse` only.
"""

from __future__ import annotations

from aici.compiler import build_expressions, build_parameters, build_statements, build_strings  # noqa: F401
from aici.compiler.actions import ACTIONS, SyntaxProblem

__all__ = ["ACTIONS", "SyntaxProblem"]
