"""A token that cannot stand where it stands: what to say about it.

In: the tokens, the place of the one that failed, and what the automaton would take instead. Out: span, message, hint.
The first rule that applies speaks. Constructs of Python that the language lacks are refused here by name
(`subset.REFUSED`), because the grammar does not contain them. Imported by `parse` only.
"""

from __future__ import annotations

import keyword
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from aici.compiler.lexer import Token
from aici.compiler.subset import REFUSED, later
from aici.compiler.tables import END
from aici.diagnostics import SourceFile, Span

Answer = tuple[str, str | None]

_LINE_ENDS = ("_NEWLINE", "_INDENT", "_DEDENT", END)
_CLAUSES = {
    "else": "an 'if', 'for', 'while' or 'try'",
    "elif": "an 'if'",
    "except": "a 'try'",
    "finally": "a 'try'",
}
_OTHER_LANGUAGES = {"&": "and", "|": "or"}


def explain(source: SourceFile, tokens: list[Token], at: int, awaited: Collection[str]) -> tuple[Span, str, str | None]:
    """Span, message and hint for token `at`, where only the `awaited` ones could stand."""
    failure = _Failure(source, tokens, at, awaited)
    for rule in (_blocks, _wrong_keyword, _refused, _f_strings, _statements, _expressions):
        for message, hint in rule(failure):
            return failure.span, message, hint or _open_bracket(failure)
    message, hint = _unexpected(failure)
    return failure.span, message, hint or _open_bracket(failure)


@dataclass(frozen=True)
class _Failure:
    source: SourceFile
    tokens: list[Token]
    at: int
    awaited: Collection[str]

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def type(self) -> str:
        return self.token.type

    @property
    def previous(self) -> str:
        """Type of the token before; empty at the start of a logical line."""
        return "" if self.begin == self.at else self.tokens[self.at - 1].type

    @property
    def next(self) -> str:
        return self.tokens[self.at + 1].type if self.at + 1 < len(self.tokens) else END

    @cached_property
    def begin(self) -> int:
        """Place of the first token of the logical line."""
        at = self.at
        while at > 0 and self.tokens[at - 1].type not in _LINE_ENDS:
            at -= 1
        return at

    @property
    def first(self) -> Token:
        return self.tokens[self.begin]

    @property
    def soft_keyword(self) -> str:
        """`match` or `type` if the line is such a statement: to us they are names."""
        if self.first.type == "NAME" and self.previous:
            if self.first.value == "match" and self.line_opens_block:
                return "match"
            if self.first.value == "type" and self.at == self.begin + 1 and self.type == "NAME":
                return "type"
        return ""

    @property
    def span(self) -> Span:
        return self.first.span if self.soft_keyword else self.token.span

    @property
    def line_opens_block(self) -> bool:
        at = self.at
        while self.tokens[at].type not in _LINE_ENDS:
            at += 1
        return self.tokens[at - 1].type == ":"


def _blocks(it: _Failure) -> Iterator[Answer]:
    if it.type == "_INDENT":
        yield "unexpected indent", "indent this line like the one above"
    if it.begin != it.at:
        return
    if "_INDENT" in it.awaited:
        header = it.at - 1
        while header > 0 and it.tokens[header - 1].type not in _LINE_ENDS:
            header -= 1
        word, line = it.tokens[header].type, it.source.position(it.tokens[header].start)[0]
        yield f"expected an indented block after '{word}' on line {line}", "write 'pass' where nothing is to be done"
    if "except" in it.awaited:
        yield "expected an 'except' or 'finally' block", "a 'try' needs one of them"
    if it.type in _CLAUSES:
        yield f"'{it.type}' belongs to {_CLAUSES[it.type]}, and there is none before it at this indentation", None


def _wrong_keyword(it: _Failure) -> Iterator[Answer]:
    """A keyword where only a name can stand."""
    if it.type in keyword.kwlist and "NAME" in it.awaited and "NUMBER" not in it.awaited:
        yield f"'{it.type}' is a keyword and cannot be a name", f"call it {it.type}_"


def _refused(it: _Failure) -> Iterator[Answer]:
    words = [it.type]
    if it.previous == "async" or it.previous == "except":
        words.insert(0, f"{it.previous} {it.type}")
    if it.type == "async" and it.next == "for":
        words.insert(0, "async comprehension")
    if it.type == "@" and it.previous:
        words.clear()
    if it.type == "[" and "(" in it.awaited and it.first.type in ("def", "async"):
        words.insert(0, "def [")
    words.insert(0, it.soft_keyword)
    if it.previous == "from" and it.type in (".", "..."):
        words.insert(0, "from .")
    for word in words:
        if word in REFUSED:
            yield later(word)


def _f_strings(it: _Failure) -> Iterator[Answer]:
    if it.previous == "_FIELD_START" and it.type in ("_FIELD_END", "_FIELD_SPEC", "FIELD_CONVERSION", "FIELD_DEBUG"):
        yield "f-string: an expression is missing between the braces", "write {{ and }} for the characters"
    if "_FIELD_END" in it.awaited and it.type in ("FIELD_DEBUG", "FIELD_CONVERSION"):
        yield "f-string: '}' is missing", None


def _statements(it: _Failure) -> Iterator[Answer]:
    if it.first.value in ("print", "exec") and it.at == it.begin + 1 and it.type in ("NAME", "STRING", "NUMBER"):
        yield f"missing parentheses in call to '{it.first.value}'", f"write {it.first.value}(...)"
    if it.type == "if" and it.previous == "else" and ":" in it.awaited:
        yield "expected ':'", "write 'elif' instead of 'else if'"
    if it.type == "," and it.first.type == "except":
        yield "several exception types need parentheses", "write except (A, B):"
    if it.type == "=" and it.first.type in ("def", "async"):
        yield "this parameter cannot have a default", "* and ** parameters have none, the others at most one"
    if it.type == "=" and (":" in it.awaited or ")" in it.awaited or "]" in it.awaited):
        yield "'=' cannot stand in an expression", "to compare, write ==; to assign on the way, write :="
    if it.type == "_NEWLINE" and ":" in it.awaited and it.first.type not in ("NAME", "(", "["):
        yield "expected ':'", None
    if it.type == "_NEWLINE" and it.previous == "," and it.first.type == "from":
        yield "a comma at the end needs parentheses around the names", None


def _expressions(it: _Failure) -> Iterator[Answer]:
    if it.type == ":=":
        hint = "left of it stands a plain name, and as a statement it needs parentheses"
        yield "':=' cannot stand here", hint
    if it.type == ")" and "," in it.awaited and ")" not in it.awaited and "NAME" not in it.awaited:
        yield "a starred expression cannot stand alone in parentheses", "for a tuple, put a comma behind it"
    if "else" in it.awaited and "_NEWLINE" not in it.awaited and it.previous not in ("", "else") and it.type != ":":
        yield "expected 'else' in the conditional expression", "write: value if condition else other"
    if it.type == "for" and it.previous:
        hint = "a generator expression beside other arguments needs parentheses; * and ** cannot be its element"
        yield "'for' cannot stand here", hint
    if it.type in _OTHER_LANGUAGES and it.previous == it.type:
        yield f"unexpected '{it.type}'", f"write '{_OTHER_LANGUAGES[it.type]}'"
    if it.type in ("NAME", "NUMBER", "STRING", "_FSTRING_START") and "," in it.awaited and "NAME" not in it.awaited:
        yield f"unexpected {_shown(it)}", "perhaps a comma or an operator is missing before it"


def _unexpected(it: _Failure) -> Answer:
    if len(it.awaited) == 1:
        (awaited,) = it.awaited
        if not awaited.startswith("_"):
            return f"expected {'a name' if awaited == 'NAME' else repr(awaited)}", None
    return f"unexpected {_shown(it)}", None


def _open_bracket(it: _Failure) -> str | None:
    """A question about the bracket that the token is in, if that was opened on an earlier line."""
    depth = 0
    for token in reversed(it.tokens[it.begin : it.at]):
        depth += (token.type in ")]}") - (token.type in "([{")
        if depth < 0:
            line = it.source.position(token.start)[0]
            same = line == it.source.position(it.token.start)[0]
            return None if same else f"is the '{token.type}' on line {line} closed?"
    return None


def _shown(it: _Failure) -> str:
    if it.type in ("_NEWLINE", "_DEDENT", END):
        return "end of line"
    text = it.source.text[it.token.start : it.token.end]
    if it.type == "STRING":
        return "string"
    return f"'{text}'" if len(text) <= 40 else f"'{text[:40]}…'"
