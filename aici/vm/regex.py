"""Python's regular expressions on RE2: the meaning of CPython's `re`, in time linear in the text.

CPython's own parser reads the pattern, so that syntax and error messages are its own; look-around, references to
groups, atomic groups and possessive repetition are refused, for a linear matcher cannot do them. The characters of a
text are then mapped to bytes so that characters which the pattern does not tell apart share one, and the pattern is
rewritten to those bytes. That makes Unicode classes, case folding, `\\b` and the `$` before a last line break exact,
offsets equal to those in the text, and RE2's program small.

Goes in: a pattern, flags, texts. Comes out: spans of matches. Knows no controller values; `modules.re_module` does.

What differs from CPython: after an empty match a non-empty one at the same place is found only if the pattern prefers
it (`a*?` finds only empty texts), what a group inside of a repeated empty match holds, at most 1000 copies in counted
repetitions, and the errors named above.
"""

from __future__ import annotations

import importlib
import re
import string
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_parser: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")

IGNORECASE, LOCALE, MULTILINE, DOTALL, UNICODE, VERBOSE, ASCII = 2, 4, 8, 16, 32, 64, 256

MAX_PATTERN = 20_000
"""Characters of a pattern."""
MAX_DEPTH = 100
"""Nesting of groups in a pattern."""
MAX_COPIES = 1000
"""Copies that counted repetitions may make; RE2's limit."""
_MEMORY = 2 << 20  # bytes for one RE2 object: half a million instructions, and the cache of its automaton
_MAX_CLASSES = 200  # different classes of characters in a pattern
_MAX_LEARNT = 20_000  # characters that an alphabet is kept with
_UNLIMITED = int(_parser.MAXREPEAT)


class RegexError(Exception):
    """A pattern that is wrong or cannot be matched in linear time."""


# --- characters that a pattern tells apart ---


@dataclass(frozen=True)
class _Atom:
    """A set of characters: a class in CPython's syntax, with the flags that it is read under."""

    text: str
    flags: int
    literal: str | None = None  # the one character in it

    def among(self, alphabet: str, binary: bool) -> frozenset[str]:
        """The characters of the alphabet that are in the set, by CPython's own judgement."""
        if self.literal is not None:
            return frozenset(self.literal if self.literal in alphabet else "")
        if not binary:
            return frozenset(re.compile(self.text, self.flags).findall(alphabet))
        found = re.compile(self.text.encode("latin-1"), self.flags).findall(alphabet.encode("latin-1"))
        return frozenset(b"".join(found).decode("latin-1"))


_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_WORD_BYTES = frozenset((string.ascii_letters + string.digits + "_").encode())
_NEWLINE = 10


class Alphabet:
    """Which byte stands for which character, as far as texts have needed it.

    Bytes are given to *signatures*: which atoms a character is in, whether it is a line break, and, where the pattern
    asks for word boundaries, whether it is a word character. RE2's own notions of the latter two hold for the bytes.
    """

    def __init__(self, atoms: Iterable[_Atom], binary: bool, words: _Atom | None) -> None:
        self.atoms = tuple(atoms)
        self.binary = binary
        self.words = words
        self.members: list[set[int]] = [set() for _ in self.atoms]  # bytes of each atom
        self.codes: dict[int, int] = {}  # byte of each character
        self._bytes: dict[tuple[int, bool, bool], int] = {}
        every = set(range(256)) - {_NEWLINE}
        self._free = [sorted(every - _WORD_BYTES if words else every), sorted(_WORD_BYTES)]
        self.learn("".join(map(chr, range(256 if binary else 128))))
        # The byte that a line break gets when it is not the last character.
        self.inner_newline = self._take(False, None)
        for members in self.members:
            if _NEWLINE in members:
                members.add(self.inner_newline)

    def learn(self, characters: str) -> None:
        """Give bytes to characters, in this order."""
        inside = [atom.among(characters, self.binary) for atom in self.atoms]
        words = self.words.among(characters, self.binary) if self.words else frozenset()
        for char in characters:
            held = sum(1 << number for number, members in enumerate(inside) if char in members)
            signature = (held, char in words, char == "\n")
            if signature not in self._bytes:
                byte = self._take(char in words, ord(char))
                self._bytes[signature] = byte
                for number, members in enumerate(self.members):
                    if held >> number & 1:
                        members.add(byte)
            self.codes[ord(char)] = self._bytes[signature]

    def _take(self, word: bool, wanted: int | None) -> int:
        """A byte for a new signature, if possible the one wanted."""
        free = self._free[word]
        if wanted == _NEWLINE:
            return _NEWLINE
        if not free:
            raise RegexError("the pattern and the text tell too many characters apart")
        if wanted in free:
            free.remove(wanted)
            return wanted
        return free.pop()

    @property
    def signatures(self) -> int:
        """How many there are; what RE2 reads changes with it."""
        return len(self._bytes)

    def encode(self, text: str, last: bool) -> bytes:
        """The text in bytes, one a character; `last`: only a line break at the end stays one."""
        if not text.isascii():
            self.learn("".join(sorted(char for char in set(text) if ord(char) not in self.codes)))
        data = text.translate(self.codes).encode("latin-1")
        if last and data.endswith(b"\n"):
            data = data[:-1].replace(b"\n", bytes((self.inner_newline,))) + b"\n"
        return data


# --- rewriting of patterns ---


class _Translation:
    """Turns CPython's parse tree into a pattern of RE2 in which atoms are placeholders."""

    def __init__(self, binary: bool) -> None:
        self.binary = binary
        self.atoms: dict[_Atom, int] = {}
        self.parts: list[str | int] = []  # text, or the number of an atom
        self.copies = 1  # of what is being translated
        self.weight = 1  # atoms in all, each copy counted
        self.closed: list[int] = []  # groups in the order in which they close
        self.boundaries: set[bool] = set()  # whether those used are ASCII ones
        self.ends: set[bool] = set()  # whether `$`s used, and `^`s under MULTILINE, are of lines

    def sequence(self, items: Any, flags: int) -> None:
        for operator, argument in items:
            getattr(self, f"_{str(operator).lower()}", self._refused)(str(operator), argument, flags)

    def _refused(self, operator: str, argument: Any, flags: int) -> None:
        reason = _REFUSED.get(operator, operator.lower().replace("_", " "))
        raise RegexError(f"{reason} cannot be matched in linear time and is not available")

    def _atom(self, text: str, flags: int, literal: str | None = None) -> None:
        kept = flags & (IGNORECASE if self.binary else IGNORECASE | ASCII)
        atom = _Atom(text, kept, None if kept & IGNORECASE else literal)
        self.weight += self.copies
        self.parts.append(self.atoms.setdefault(atom, len(self.atoms)))
        if atom.literal is None and len(self.atoms) > _MAX_CLASSES:
            raise RegexError(f"the pattern has more than {_MAX_CLASSES} classes of characters")

    def _literal(self, operator: str, code: int, flags: int) -> None:
        self._atom(_spelled(code, self.binary), flags, chr(code))

    def _not_literal(self, operator: str, code: int, flags: int) -> None:
        self._atom(f"[^{_spelled(code, self.binary)}]", flags)

    def _any(self, operator: str, argument: None, flags: int) -> None:
        self._atom(r"[\s\S]" if flags & DOTALL else r"[^\n]", 0)

    def _in(self, operator: str, items: Any, flags: int) -> None:
        text = []
        for kind, value in items:
            name = str(kind)
            if name == "NEGATE":
                text.append("^")
            elif name == "RANGE":
                text.append(f"{_spelled(value[0], self.binary)}-{_spelled(value[1], self.binary)}")
            else:
                text.append(_CATEGORIES[str(value)] if name == "CATEGORY" else _spelled(value, self.binary))
        self._atom(f"[{''.join(text)}]", flags)

    def _branch(self, operator: str, argument: Any, flags: int) -> None:
        self.parts.append("(?:")
        for number, branch in enumerate(argument[1]):
            if number:
                self.parts.append("|")
            self.sequence(branch, flags)
        self.parts.append(")")

    def _subpattern(self, operator: str, argument: Any, flags: int) -> None:
        group, added, removed, items = argument
        self.parts.append("(?:" if group is None else "(")
        self.sequence(items, (flags | added) & ~removed)
        self.parts.append(")")
        if group is not None:
            self.closed.append(group)

    def _max_repeat(self, operator: str, argument: Any, flags: int) -> None:
        low, high, items = argument
        low, high = int(low), int(high)
        if low > MAX_COPIES or MAX_COPIES < high != _UNLIMITED:
            raise RegexError(f"a repetition makes more than {MAX_COPIES} copies")
        self.parts.append("(?:")
        outside, self.copies = self.copies, self.copies * max(1, low if high == _UNLIMITED else high)
        self.sequence(items, flags)
        self.copies = outside
        count = {(0, 1): "?", (0, _UNLIMITED): "*", (1, _UNLIMITED): "+"}.get((low, high))
        if count is None:
            count = f"{{{low},{'' if high == _UNLIMITED else high}}}"
        self.parts.append(f"){count}{'?' if operator == 'MIN_REPEAT' else ''}")

    _min_repeat = _max_repeat

    def _at(self, operator: str, where: Any, flags: int) -> None:
        name = str(where)
        if name in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
            self.boundaries.add(bool(flags & ASCII))
            self.parts.append(_BOUNDARY if name == "AT_BOUNDARY" else _NO_BOUNDARY)
        elif name in ("AT_BEGINNING", "AT_END") and flags & MULTILINE:
            self.ends.add(True)
            self.parts.append("(?m:^)" if name == "AT_BEGINNING" else "(?m:$)")
        elif name == "AT_END":
            self.ends.add(False)
            self.parts.append(_END)
        else:
            self.parts.append(r"\z" if name == "AT_END_STRING" else r"\A")


_BOUNDARY, _NO_BOUNDARY, _END = r"\b", r"\B", "$"
_NOTHING = r"[^\x00-\xff]"
_REFUSED = {
    "ASSERT": "look-ahead or look-behind",
    "ASSERT_NOT": "look-ahead or look-behind",
    "GROUPREF": "a reference to a group",
    "GROUPREF_EXISTS": "a conditional on a group",
    "GROUPREF_IGNORE": "a reference to a group",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repetition",
}


def _spelled(code: int, binary: bool) -> str:
    return f"\\x{code:02x}" if binary else f"\\U{code:08x}"


def _byte_class(members: set[int]) -> str:
    """A class of RE2 for a set of bytes."""
    if not members:
        return _NOTHING
    runs: list[list[int]] = []
    for byte in sorted(members):
        if runs and runs[-1][1] == byte - 1:
            runs[-1][1] = byte
        else:
            runs.append([byte, byte])
    return "[" + "".join(f"\\x{a:02x}" if a == b else f"\\x{a:02x}-\\x{b:02x}" for a, b in runs) + "]"


# --- compiled patterns ---

Span = tuple[int, int]


@dataclass(frozen=True)
class Prepared:
    """A text in the bytes of a pattern, with the RE2 object that reads them."""

    data: bytes
    matcher: Any


class Regex:
    """A pattern ready to match. Immutable but for what it has learnt of characters, which no result depends on."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self.pattern = pattern
        self.binary = isinstance(pattern, bytes)
        tree = _parse(pattern, flags)
        self.flags: int = tree.state.flags
        self.groups: int = tree.state.groups - 1
        self.group_index: dict[str, int] = dict(tree.state.groupdict)
        translation = _Translation(self.binary)
        translation.sequence(tree, self.flags)
        if len(translation.boundaries) > 1 or len(translation.ends) > 1:
            raise RegexError("\\b with and without the flag a, or $ with and without the flag m, cannot be mixed")
        self.parts = translation.parts
        self.closed = translation.closed
        self.final_newline = translation.ends == {False}
        self.weight = translation.weight
        self._atoms = tuple(translation.atoms)
        self._words = None
        if translation.boundaries:
            self._words = _Atom(r"\w", re.ASCII if True in translation.boundaries and not self.binary else 0)
        self._forget()
        self._matcher(last=False, empty=False)

    def prepare(self, text: str | bytes) -> Prepared:
        """A text for `search`."""
        shown = text if isinstance(text, str) else text.decode("latin-1")
        last = self.final_newline and shown.endswith("\n")
        if len(self.alphabet.codes) > _MAX_LEARNT:
            self._forget()
        try:
            data = self.alphabet.encode(shown, last)
        except RegexError:
            # Bytes ran out, perhaps by characters of other texts.
            self._forget()
            data = self.alphabet.encode(shown, last)
        return Prepared(data, self._matcher(last, not data))

    def _forget(self) -> None:
        """Start from the characters that every text may hold."""
        self.alphabet = Alphabet(self._atoms, self.binary, self._words)
        self._matchers: dict[tuple[bool, bool, int], Any] = {}

    def _matcher(self, last: bool, empty: bool) -> Any:
        """The RE2 object for texts that end in a line break which `$` may stand before, or that are empty."""
        key = (last, empty, self.alphabet.signatures)
        if key not in self._matchers:
            special = {_END: "(?m:$)" if last else r"\z", _NO_BOUNDARY: _NOTHING if empty else r"\B"}
            classes = [_byte_class(members) for members in self.alphabet.members]
            text = "".join(classes[p] if isinstance(p, int) else special.get(p, p) for p in self.parts)
            for stale in [k for k in self._matchers if k[2] != key[2]]:
                del self._matchers[stale]
            self._matchers[key] = _compile_re2(text)
        return self._matchers[key]


def search(prepared: Prepared, at: int, how: str) -> tuple[Span, ...] | None:
    """Spans of the first match from `at` on and of its groups ((-1, -1) for those without part in it).

    `how`: "search" anywhere, "match" at `at`, "fullmatch" from `at` to the end.
    """
    found = getattr(prepared.matcher, how)(prepared.data, at)
    if found is None:
        return None
    return tuple(found.span(group) for group in range(prepared.matcher.groups + 1))


def _compile_re2(text: str) -> Any:
    import re2  # kept out of the start of every other command

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        return re2.compile(text.encode("latin-1"), options)
    except re2.error as error:
        shown = error.args[0] if error.args else ""
        reason = shown.decode("latin-1") if isinstance(shown, bytes) else str(shown)
        if "repetition" in reason or "repeat" in reason:
            raise RegexError(f"nested repetitions make more than {MAX_COPIES} copies") from None
        raise RegexError(f"the pattern is too large: {reason}") from None


def _parse(pattern: str | bytes, flags: int) -> Any:
    if len(pattern) > MAX_PATTERN:
        raise RegexError(f"the pattern has more than {MAX_PATTERN} characters")
    if flags & LOCALE:
        raise RegexError("the flag L depends on the machine and is not available")
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    depth = deepest = 0
    for found in _NESTING.finditer(text):
        depth = max(0, depth + {"(": 1, ")": -1}.get(found[0], 0))
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise RegexError(f"the pattern nests more than {MAX_DEPTH} groups")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = _parser.parse(pattern, flags)
            tree.state.flags = _parser.fix_flags(pattern, tree.state.flags)
            return tree
    except re.error as error:
        raise RegexError(str(error)) from None


_NESTING = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]", re.DOTALL)


@lru_cache(maxsize=64)
def compiled(pattern: str | bytes, flags: int) -> Regex:
    """The `Regex` for a pattern; RegexError, ValueError for flags that do not go together, OverflowError for a
    repetition count beyond all bounds."""
    return Regex(pattern, flags)
