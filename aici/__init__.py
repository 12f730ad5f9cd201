"""What a controller imports: `import aici` (or `from aici import gen_text`).

A controller is a short async-Python program that steers a language model token by token:

    import aici

    async def main():
        await aici.FixedTokens("The word 'hello' in French is")
        french = await aici.gen_text(regex=r' "[^"]+"', max_tokens=5)
        aici.set_var("french", french)

    aici.start(main())

It is compiled and run by `aicic run FILE`. This module only tells editors and readers what there is: outside a run
every function raises `NotRunning`, and `start` says how to run the file. Text may be `str` (UTF-8) or `bytes`; tokens
are ints. It imports nothing heavy, since every part of the package imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable

TYPE_CHECKING = False  # for type checkers it is true: `typing` takes half of what a command needs to come to itself
if TYPE_CHECKING:
    from typing import Any, NoReturn, TypeAlias

__version__ = "0.1.0"

__all__ = [
    "ChooseConstraint",
    "ConstrainedToken",
    "Constraint",
    "DynamicLexer",
    "FixedTokens",
    "GetPrompt",
    "Label",
    "Noop",
    "RegexConstraint",
    "StopToken",
    "SubStrConstraint",
    "TokenSet",
    "all_tokens",
    "append_var",
    "backtrack_supported",
    "check_var",
    "check_vars",
    "detokenize",
    "eos_token",
    "fork",
    "fork_supported",
    "gen_text",
    "gen_tokens",
    "get_config",
    "get_prompt_len",
    "get_tokens",
    "get_var",
    "log_level",
    "self_seq_id",
    "set_var",
    "start",
    "test",
    "token_repr",
    "tokenize",
    "tokens_repr",
    "wait_vars",
]

_LATER = ("AiciAsync", "AiciCallbacks", "Branch", "CfgConstraint", "MidProcessResult", "NextToken", "Splice")
"""Names that come with a later version: to call one says so."""

Text: TypeAlias = "str | bytes"
Main: TypeAlias = "Coroutine[Any, Any, object] | Callable[[], Coroutine[Any, Any, object]]"

log_level: int = 0
"""From 1 on, `FIXED …` and `GEN: …` lines in the log tell what was appended and generated. May be assigned."""


class NotRunning(RuntimeError):
    """A function of this module was called outside a run of a controller."""


def _outside() -> NoReturn:
    raise NotRunning("a controller runs under the command `aicic run FILE`, not under Python itself")


# --- entry points ---


def start(f: Main) -> None:
    """Run the controller: a coroutine or an async function without parameters. Called once, at the end of the file."""
    _tell(f)


def test(f: Main) -> None:
    """As `start`; prints `TEST OK` once the controller has come to its end."""
    _tell(f)


def _tell(f: Main) -> NoReturn:
    """What happens under plain Python: say how to run the file, and end with status 2."""
    if isinstance(f, Coroutine):
        f.close()
    name = sys.argv[0] or "FILE"
    print(f"{name}: a controller for a language model; run it with: aicic run {name}", file=sys.stderr)
    raise SystemExit(2)


# --- text in and out ---


class GetPrompt(Awaitable["list[int]"]):
    """`await GetPrompt()`: the prompt's tokens. What comes before it may take long, what comes after is on the path of
    every token."""

    def __init__(self) -> None:
        _outside()

    def __await__(self) -> Generator[Any, None, list[int]]:
        _outside()


class Label:
    """The current position in the text, for `FixedTokens(..., following=label)`."""

    def __init__(self) -> None:
        _outside()

    def tokens_since(self) -> list[int]:
        """The tokens after the label."""
        _outside()

    def text_since(self) -> str:
        """The text after the label; bytes that are no UTF-8 are replaced."""
        _outside()


class FixedTokens(Awaitable["list[int]"]):
    """`await FixedTokens(text)`: append exactly this text, or these tokens; gives the tokens appended.

    `following`: first drop everything after that label. `special`: names of special tokens in the text, such as
    `<|im_start|>`, stand for those tokens.
    """

    def __init__(self, text: Text | list[int], following: Label | None = None, special: bool = True) -> None:
        _outside()

    def __await__(self) -> Generator[Any, None, list[int]]:
        _outside()


async def gen_tokens(
    regex: Text | None = None,
    yacc: Text | None = None,
    substring: Text | None = None,
    substring_end: Text = '"',
    options: Iterable[Text] | None = None,
    store_var: str | None = None,
    stop_at: Text | Iterable[Text] | None = None,
    max_tokens: int = 20,
    constraint: Constraint | None = None,
    complete: bool = True,
) -> list[int]:
    """Generate at most `max_tokens` tokens and give them back.

    At most one of `regex` (the whole text matches it), `options` (the text is one of them), `substring` (the text is a
    run of whole words of that text, then `substring_end`) and `constraint` (one that no token has been appended to);
    all are checked at once, ValueError. The text is complete within `max_tokens`: tokens after which it could not be
    finished in time are not sampled, and ValueError names the least number if there are too few; `complete=False` just
    breaks off. `stop_at`: the text ends with it, or with one of several, as soon as it holds it; a text that is ended
    so need not be complete. `store_var`: also set that variable to the bytes. `yacc` comes with a later version
    (NotImplementedError).
    """
    _outside()


async def gen_text(
    regex: Text | None = None,
    yacc: Text | None = None,
    substring: Text | None = None,
    substring_end: Text = '"',
    options: Iterable[Text] | None = None,
    store_var: str | None = None,
    stop_at: Text | Iterable[Text] | None = None,
    max_tokens: int = 20,
    constraint: Constraint | None = None,
    complete: bool = True,
) -> str:
    """As `gen_tokens`, but gives the text; bytes that are no UTF-8 are replaced."""
    _outside()


class Noop(Awaitable["list[int]"]):
    """`await Noop()`: do nothing for a step."""

    def __init__(self) -> None:
        _outside()

    def __await__(self) -> Generator[Any, None, list[int]]:
        _outside()


class StopToken(Awaitable["list[int]"]):
    """`await StopToken()`: end this sequence now; what follows never runs."""

    def __init__(self) -> None:
        _outside()

    def __await__(self) -> Generator[Any, None, list[int]]:
        _outside()


# --- branches and variables ---


async def fork(forks: int) -> int:
    """Split into that many branches (at least 1) and tell each its number, from 0. Each has its own copy of all
    variables of the program; `set_var` and `get_var` are shared."""
    _outside()


async def wait_vars(*vars: str) -> list[bytes]:
    """Wait until every one of these variables is set, by other branches; gives their values."""
    _outside()


def get_var(name: str) -> bytes | None:
    """The value of a variable shared by all branches, None while it is not set."""
    _outside()


def set_var(name: str, value: Text) -> None:
    """Set a variable; the caller of the controller gets all variables at the end."""
    _outside()


def append_var(name: str, value: Text) -> None:
    """Append to a variable, which is empty at first."""
    _outside()


def check_var(name: str, value: Text) -> None:
    """AssertionError unless the variable has this value."""
    _outside()


def check_vars(vars: dict[str, Text]) -> None:
    """`check_var` for every name in a dict."""
    _outside()


# --- tokens ---


def tokenize(text: Text, special: bool = True) -> list[int]:
    """The tokens of a text. `special`: names of special tokens in it stand for those tokens."""
    _outside()


def detokenize(tokens: Iterable[int]) -> bytes:
    """The bytes of tokens; special ones have none."""
    _outside()


def token_repr(token: int) -> str:
    """A token in readable form."""
    _outside()


def tokens_repr(tokens: Iterable[int]) -> str:
    """Tokens in readable form."""
    _outside()


def eos_token() -> int:
    """The token that ends a sequence."""
    _outside()


def get_tokens() -> list[int]:
    """All tokens of this sequence so far, the prompt included."""
    _outside()


def get_prompt_len() -> int:
    """How many of them are the prompt."""
    _outside()


# --- one token at a time ---


class TokenSet:
    """A set of tokens, empty at first: `ts[token]` and `ts[token] = True`; `len(ts)` is the size of the vocabulary."""

    def __init__(self) -> None:
        _outside()

    def __getitem__(self, index: int, /) -> bool:
        _outside()

    def __setitem__(self, index: int, value: bool, /) -> None:
        _outside()

    def __len__(self) -> int:
        _outside()

    def set_all(self, value: bool) -> None:
        """Put all tokens in, or take all out."""
        _outside()

    def num_set(self) -> int:
        """How many tokens are in it."""
        _outside()


def all_tokens() -> TokenSet:
    """A set of all tokens."""
    _outside()


class Constraint:
    """What the text may be, from the current position on. This one allows everything."""

    def __init__(self) -> None:
        _outside()

    def eos_allowed(self) -> bool:
        """Whether the text may end here."""
        _outside()

    def eos_forced(self) -> bool:
        """Whether it can only end here."""
        _outside()

    def token_allowed(self, t: int) -> bool:
        """Whether that token may come next."""
        _outside()

    def append_token(self, t: int) -> None:
        """Go on behind that token; ValueError if it may not come next. (`ConstrainedToken` does this itself.)"""
        _outside()

    def allow_tokens(self, ts: TokenSet) -> None:
        """Make `ts` the set of the tokens that may come next."""
        _outside()

    def __and__(self, other: Constraint, /) -> Constraint:
        """Texts that satisfy both. Here and below, no tokens must have been appended to the operands; ValueError if no
        text is left."""
        _outside()

    def __or__(self, other: Constraint, /) -> Constraint:
        """Texts that satisfy one of them."""
        _outside()

    def __sub__(self, other: Constraint, /) -> Constraint:
        """Texts that satisfy the first and not the second: `a & ~b`."""
        _outside()

    def __add__(self, other: Constraint, /) -> Constraint:
        """A text of the one, then one of the other."""
        _outside()

    def __invert__(self) -> Constraint:
        """Texts that do not satisfy it."""
        _outside()


class RegexConstraint(Constraint):
    """A text that matches the whole regular expression."""

    def __init__(self, pattern: Text) -> None:
        _outside()


class ChooseConstraint(Constraint):
    """One of these texts."""

    def __init__(self, options: Iterable[Text]) -> None:
        _outside()


class SubStrConstraint(Constraint):
    """A run of whole words of the template, as they stand there, then `stop_at`: a quotation."""

    def __init__(self, template: Text, stop_at: Text) -> None:
        _outside()


class DynamicLexer:
    """Identifiers that are known so far. They start with an ASCII letter, `_` or one of `extra_id_chars`."""

    def __init__(self, extra_id_chars: Text = "") -> None:
        _outside()

    def add(self, id: Text) -> None:
        """Make an identifier known."""
        _outside()

    def constraint(self) -> Constraint:
        """Texts whose every identifier is one known by now, and that end with one. ValueError if none is known."""
        _outside()


class ConstrainedToken(Awaitable["list[int]"]):
    """`await ConstrainedToken(lambda: constraint)`: sample one token under a constraint (or out of a `TokenSet`), which
    goes on behind it; gives the token in a list, which is empty at the end of the sequence."""

    finished: bool
    """After the await: whether the sequence ended."""

    def __init__(self, mk_constraint: Callable[[], Constraint | TokenSet]) -> None:
        _outside()

    def __await__(self) -> Generator[Any, None, list[int]]:
        _outside()


# --- about the host ---


def self_seq_id() -> int:
    """A number that tells this sequence from others."""
    _outside()


def get_config(name: str) -> int:
    """A setting of the host, such as "fork"; 0 if it does not know it."""
    _outside()


def fork_supported() -> bool:
    """Whether the host can fork."""
    _outside()


def backtrack_supported() -> bool:
    """Whether the host can drop tokens."""
    _outside()
