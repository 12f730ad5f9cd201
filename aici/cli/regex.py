"""`aicic regex`: what becomes of a pattern, and why the model could not say what it wanted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import click

from .files import COMPILE_ERROR, ENGINE_TROUBLE, CliError, CompileFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aici.grammar.dfa import Dfa
    from aici.grammar.lazy import LazyDfa
    from aici.grammar.lazy_constraint import AnyMatcher
    from aici.host.tokenizer import Tokenizer

_LISTED: Final = 24  # tokens that are shown
_DRAWN: Final = 300  # states of a drawing by Graphviz
_LOOKED_AT: Final = 20_000  # states over bytes of what is perhaps small over characters
_LAYOUT_SECONDS: Final = 60


@click.command("regex")
@click.argument("pattern")
@click.option("--after", metavar="TEXT", default="", help="Look at what may follow this text.")
@click.option("--why", metavar="TEXT", help="Say why this text, or a token with it, is allowed there or not.")
@click.option("--token", metavar="TOKEN", help="As --why, for a token: its id, or the name of a special one.")
@click.option(
    "--tokenizer", metavar="FILE.json", help="A tokenizer.json or tekken.json; that of the embedded model by default."
)
@click.option("--model", metavar="FILE.gguf", help="Take the tokenizer of this model.")
@click.option(
    "--max-tokens", metavar="N", type=click.IntRange(0), help="Only tokens after which N in all can complete the text."
)
@click.option("--dot", is_flag=True, help="Print a drawing of the automaton for Graphviz, and nothing else.")
@click.option("--svg", metavar="FILE", help="Draw the automaton into this file (a large one takes Graphviz).")
@click.option("--json", "as_json", is_flag=True, help="Say all of it as one JSON document.")
def regex(
    pattern: str,
    after: str,
    why: str | None,
    token: str | None,
    tokenizer: str | None,
    model: str | None,
    max_tokens: int | None,
    dot: bool,
    svg: str | None,
    as_json: bool,
) -> None:
    """Show the automaton of a pattern, which tokens it allows, and why it forbids others."""
    automaton, seconds = _compile(pattern, as_json)
    if dot:
        print(_drawable(automaton).to_dot(), end="")
        return
    if svg is not None:
        _draw(_drawable(automaton), svg)
    report = _Report(pattern, automaton, seconds)
    state = report.follow(os.fsencode(after))
    source = _tokenizer(tokenizer, model)
    if isinstance(source, str):
        report.notes.append(source)
        if token is not None:
            raise CliError(source)
    else:
        report.look_at_tokens(*source, state, max_tokens)
        if token is not None:
            report.look_at_token(source[1], _token(source[1], token), state)
    if why is not None:
        report.explain(os.fsencode(why), state)
        if not isinstance(source, str):
            report.tell_special(os.fsencode(why), source[1])
    if svg is not None:
        report.notes.append(f"drawn into {svg}")
    print(json.dumps(report.facts) if as_json else report.text())


def _compile(pattern: str, as_json: bool) -> tuple[Dfa | LazyDfa, float]:
    """The automaton, and how long it took once the machinery is loaded."""
    from aici.diagnostics import Diagnostic, SourceFile, Span
    from aici.grammar.errors import RegexError
    from aici.grammar.lazy import compile_automaton

    try:
        compile_automaton(pattern)
        start = perf_counter()
        return compile_automaton(pattern), perf_counter() - start
    except RegexError as error:
        source = SourceFile("<pattern>", pattern)
        found = Diagnostic(source, Span(error.start, error.end), error.message, error.hint)
        raise CompileFailed(found.render(), [found.to_json()], as_json) from None


def _tokenizer(file: str | None, model: str | None) -> tuple[str, Tokenizer] | str:
    """A name and a tokenizer; or, where nobody asked for one in particular, why there is none."""
    from aici.host.engines.base import EngineError

    if file is not None and model is not None:
        raise CliError("give --tokenizer or --model, not both")
    try:
        from aici.host.gguf_file import read_gguf
        from aici.host.tokenizers import gguf_tokenizer, read_tokenizer
        from aici.host.weights import packaged_model

        if file is not None:
            return Path(file).name, read_tokenizer(Path(file))
        path = packaged_model() if model is None else Path(model)
        return path.name, gguf_tokenizer(read_gguf(path))
    except (EngineError, ImportError) as error:
        if file is None and model is None:
            return f"no tokens to look at: {error}"
        raise CliError(str(error), ENGINE_TROUBLE) from None


def _token(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token that is given by its id or its name."""
    if token in tokenizer.special:
        return tokenizer.special[token]
    most = len(tokenizer.token_bytes) - 1
    if not re.fullmatch("-?[0-9]{1,9}", token):
        raise CliError(f"there is no special token {token!r}; other tokens are given by their ids, 0 to {most}")
    if not 0 <= int(token) <= most:
        raise CliError(f"there is no token {token}: ids are 0 to {most}")
    return int(token)


def _drawable(automaton: Dfa | LazyDfa) -> Dfa:
    from aici.grammar.lazy import LazyDfa

    if isinstance(automaton, LazyDfa):
        raise CliError("the automaton is too large to draw: it is built as it is used", COMPILE_ERROR)
    return automaton


def _draw(automaton: Dfa, target: str) -> None:
    """A small automaton is drawn here, a larger one by Graphviz."""
    from .drawing import MOST, draw

    states = automaton.n_states - 1
    drawing = draw(automaton) if states <= _LOOKED_AT else None
    program = shutil.which("dot")
    try:
        if drawing is not None:
            Path(target).write_text(drawing, encoding="utf-8")
            return
        if program is None:
            why = f"more than {MOST} states are drawn by Graphviz, which is not installed (there is no command dot)"
            raise CliError(f"{why}; --dot prints what it takes, or draw a part of the pattern")
        if states > _DRAWN:
            raise CliError(f"{states} states are too many to draw; the limit is {_DRAWN}; draw a part of the pattern")
        command, data = [program, "-Tsvg", "-o", target], automaton.to_dot().encode()
        done = subprocess.run(command, input=data, capture_output=True, timeout=_LAYOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CliError(f"the drawing could not be made: {error}") from None
    if done.returncode:
        raise CliError(f"Graphviz could not draw: {done.stderr.decode(errors='replace').strip()}")


@dataclass
class _Report:
    """What is found out, as data (`facts`) and as lines."""

    pattern: str
    automaton: Dfa | LazyDfa
    seconds: float
    facts: dict[str, Any] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from aici.grammar.lazy import LazyDfa

        automaton = self.automaton
        lazy = isinstance(automaton, LazyDfa)
        self.facts |= {"ok": True, "pattern": self.pattern, "lazy": lazy, "classes": automaton.n_classes}
        self.facts |= {"compile_seconds": self.seconds, "states": automaton.n_states - 1}
        shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in self.pattern)
        self.lines.append(("pattern", shown))
        if isinstance(automaton, LazyDfa):
            size = "too many to build at once: they are built as they are used"
        else:
            self.facts |= {"table_bytes": automaton.table.nbytes, "bytes": len(automaton.to_bytes())}
            size = f"{self.facts['states']:,}, over {automaton.n_classes} classes of bytes"
        self.lines.append(("states", size))
        if not lazy:
            table = f"{self.facts['table_bytes']:,} in memory, {self.facts['bytes']:,} within bytecode"
            self.lines.append(("bytes", table))
        self.lines.append(("compiled", f"in {_milliseconds(self.seconds)}"))

    def text(self) -> str:
        width = max(len(name) for name, _ in self.lines) + 2
        lines = [f"{name:<{width}}{line}".rstrip() for name, line in self.lines]
        return "\n".join([*lines, *(f"({note})" for note in self.notes)])

    def follow(self, text: bytes) -> int:
        """The state after a text that is typed already; says what is wrong if it is not allowed itself."""
        start = self.automaton.start
        state = self.automaton.advance(start, text)
        if state == 0:
            self.explain(text, start)
            raise CliError(" ".join(line for _, line in self.lines[-2:]))
        self.facts |= {"after": _text(text), "state": state, "may_end": self.automaton.is_accepting(state)}
        if text:
            self.lines.append(("after", f"{_quoted(text)}: state {state}"))
        self.lines.append(("next", self._what_follows(state)))
        return state

    def _what_follows(self, state: int) -> str:
        """What a state allows, in words."""
        live = self._live(state)
        parts = [_classes(live)] if live else []
        if self.automaton.is_accepting(state):
            parts.append("the end")
        return " or ".join(parts)

    def _live(self, state: int) -> list[int]:
        return list(self.automaton.next_bytes(state))

    def look_at_tokens(self, name: str, tokenizer: Tokenizer, state: int, left: int | None) -> None:
        from aici.grammar.lazy_constraint import matcher_for
        from aici.grammar.vocabulary import Vocabulary, VocabularyError

        try:
            vocabulary = Vocabulary(tokenizer.token_bytes, tokenizer.eos_ids)
        except VocabularyError as error:
            raise CliError(f"the vocabulary of {name} cannot be used: {error}", ENGINE_TROUBLE) from None
        matcher_for(self.automaton, vocabulary).mask(state)  # the vocabulary's own part is not the pattern's
        start = perf_counter()
        matcher = matcher_for(self.automaton, vocabulary)
        mask = matcher.mask(state)
        seconds = perf_counter() - start
        if left is not None:
            mask = self._within(matcher, state, left, mask)
        n_tokens = vocabulary.n_tokens if len(mask) else 0
        allowed = [t for t in range(n_tokens) if mask[t >> 5] >> (t & 31) & 1 and vocabulary.token_bytes[t]]
        least, forced = matcher.budget.least(state), matcher.forced_bytes(state)
        self.facts |= {"tokenizer": name, "tokens": vocabulary.n_tokens, "mask_seconds": seconds, "least": least}
        self.facts |= {"forced": _text(forced), "allowed": len(allowed), "allowed_tokens": allowed[:1000]}
        self.lines.append(("tokens", f"{len(allowed):,} of {vocabulary.n_tokens:,} allowed ({name})"))
        shown = [_quoted(vocabulary.token_bytes[t]) for t in allowed[:_LISTED]]
        if shown:
            self.lines.append(("", " ".join(shown) + (" …" if len(allowed) > _LISTED else "")))
        self.lines.append(("mask", f"in {_milliseconds(seconds)}"))
        if forced:
            self.lines.append(("forced", f"{_quoted(forced)}: what must follow"))
        self._say_least(least, matcher)

    def _within(self, matcher: AnyMatcher, state: int, left: int, mask: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The tokens after which the text can be completed in time, as `gen_text(max_tokens=...)` allows them; of no
        length if there are none."""
        budget = matcher.budget
        fits = budget.fits(state, left)
        self.facts |= {"max_tokens": left, "fits": fits}
        tokens = f"{left} token{'' if left == 1 else 's'}"
        self.lines.append(("within", f"{tokens}: the text {'can' if fits else 'cannot'} be completed"))
        if not fits:
            return mask[:0]
        tight = None if budget.loose(left) else budget.mask(state, left)
        return mask if tight is None else tight

    def _say_least(self, least: int | None, matcher: AnyMatcher) -> None:
        if least is None:
            said = "no tokens spell the rest" if matcher.budget.exact else "nobody knows after how many tokens"
        else:
            about = "" if matcher.budget.exact else "about "
            said = f"after {about}{least} token{'' if least == 1 else 's'} at the earliest"
        self.lines.append(("complete", said))

    def look_at_token(self, tokenizer: Tokenizer, token: int, state: int) -> None:
        text = tokenizer.token_bytes[token]
        if text:
            self.explain(text, state, f"token {token} ")
            return
        complete, ends = self.automaton.is_accepting(state), token in tokenizer.eos_ids
        if ends:
            said = f"ends the text, which is {'complete' if complete else 'not complete yet'}"
        else:
            said = "is special: no text holds it, so no pattern allows it"
        allowed = ends and complete
        self.facts["why"] = {"text": None, "token": token, "allowed": allowed, "reason": said}
        self._say_why(f"token {token} {said}")

    def tell_special(self, text: bytes, tokenizer: Tokenizer) -> None:
        """Say of a text that is, or holds, the name of a special token that the token is another matter."""
        names = [name for name in tokenizer.special if name and name.encode() in text]
        if names:
            name = max(names, key=len)
            self.notes.append(
                f"{_quoted(name.encode())} is taken as text here; the special token of that name, "
                f"{tokenizer.special[name]}, is part of no text: see --token"
            )

    def explain(self, text: bytes, state: int, what: str = "") -> None:
        """Whether a text is allowed in a state; if not, which byte of it, and what would be there."""
        at, place = state, 0
        while place < len(text) and (after := self.automaton.advance(at, text[place : place + 1])):
            at, place = after, place + 1
        if place == len(text):
            ends = "may end" if self.automaton.is_accepting(at) else "has to go on"
            self.facts["why"] = {"text": _text(text), "allowed": True, "state": at}
            self._say_why(f"{what}{_quoted(text)} is allowed: it leads to state {at}, where the text {ends}")
            return
        byte, allowed = text[place], self._what_follows(at)
        self.facts["why"] = {"text": _text(text), "allowed": False, "byte": place, "value": byte, "state": at}
        self.facts["why"]["instead"] = allowed
        before = f"after {_quoted(text[:place])}" if place else "at once"
        shown = f"{_one(byte)} (byte {place + 1})" if len(text) > 1 else _one(byte)
        self._say_why(f"{what}{_quoted(text)} is not allowed: {before}, in state {at}, {shown} cannot follow;")
        self.lines.append(("", f"allowed there: {allowed}"))

    def _say_why(self, said: str) -> None:
        self.lines.append(("why", said))


# --- bytes in words ---


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"


def _text(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


def _quoted(text: bytes) -> str:
    """As a literal of Python."""
    shown = "".join(_spelled(char) for char in text.decode("utf-8", "surrogateescape"))
    quote = "'" if '"' in shown and "'" not in shown else '"'
    return quote + shown + quote


def _spelled(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte that is part of no whole character
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char if char.isprintable() and char != "\\" else repr(char)[1:-1]


def _one(byte: int) -> str:
    if byte < 0x80:
        return _quoted(bytes([byte]))
    return f"0x{byte:02x}" + (", within a character," if byte < 0xC0 else ", the start of a character,")


def _classes(live: list[int]) -> str:
    """Bytes as runs, such as `0-9 a-f "_"`."""
    runs: list[list[int]] = []
    for byte in (byte for byte in live if byte < 0x80):
        if runs and runs[-1][1] + 1 == byte:
            runs[-1][1] = byte
        else:
            runs.append([byte, byte])
    if [r[0] for r in runs] == [0] and runs[0][1] == 0x7F:
        shown = ["any ASCII character"]
    else:
        shown = [_one(lo) if lo == hi else f"{_one(lo)} to {_one(hi)}" for lo, hi in runs]
    if any(byte >= 0xC0 for byte in live):
        shown.append("characters beyond ASCII")
    elif any(byte >= 0x80 for byte in live):
        shown.append("the rest of a character")
    return ", ".join(shown)
