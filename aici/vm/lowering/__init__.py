"""Verified bytecode lowered to functions of CPython: `emit` writes their text, `flow` gives it structure, `units` makes
them and `engine` runs them. The plain interpreter (`ops`, `machine`) stays as the slow twin: both use the same helpers,
and tests hold them equal. See `docs/decisions/0012-execution.md`.
"""
