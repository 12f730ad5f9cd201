"""The command `aicic`: arguments in, calls to compiler, VM and host out.

Nothing imports this package. Its files import what is heavy (numpy, llvmlite, tokenizers, rich) inside functions, so
that `aicic --help` and `aicic compile` start fast.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line, `sys.argv` by default; the exit code. An interrupt is quiet even while modules load."""
    try:
        from .command import invoke

        return invoke(args)
    except KeyboardInterrupt:
        from .files import INTERRUPTED

        print("interrupted", file=sys.stderr)
        return INTERRUPTED
