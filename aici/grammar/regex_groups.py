r"""Reads what follows `(?`: names, flags, comments, and what is not supported there.

Goes in: a pattern. Comes out: `GroupReader`, which `regex_syntax` makes its parser of.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .regex_escapes import PatternReader


@dataclass(frozen=True, slots=True)
class Flags:
    ignore_case: bool = False
    dot_all: bool = False
    verbose: bool = False
    ascii_only: bool = False


_FLAG_FIELDS = {"i": "ignore_case", "s": "dot_all", "x": "verbose", "a": "ascii_only"}
_FLAG_LETTERS = "aiLmsux"

_NO_LOOKAROUND = (
    "write out what may come next: a class such as [^x], or alternatives; for an end of the text use stop_at"
)
NO_BACKREF = "generate the first part, then build the second pattern from it with an f-string"


@dataclass
class GroupReader(PatternReader):
    """A place in a pattern, and the names of groups before it."""

    names: set[str] = field(default_factory=set)

    def extension(self, start: int, flags: Flags) -> tuple[Flags, bool] | None:
        """After `(?`, where `flags` hold: those that hold from here on, and whether in a group that it opens or, as far
        as they may stand there, in the whole pattern. None for a comment."""
        char = self.next(start)
        if char == ":":
            return flags, True
        if char == "#":
            end = self.pattern.find(")", self.pos)
            if end < 0:
                raise self.error("this comment is never closed", start, start + 3, "add ')'")
            self.pos = end + 1
            return None
        if char == "P":
            self._named(start)
            return flags, True
        if char in "=!":
            raise self.unsupported("look-ahead", start, _NO_LOOKAROUND)
        if char == "<":
            if self.next(start) in "=!":
                raise self.unsupported("look-behind", start, _NO_LOOKAROUND)
            raise self.error("unknown group", start, self.pos, "a named group is (?P<name>...)")
        if char == ">":
            raise self.unsupported("an atomic group", start, "write (?:...): here a match is of the whole text anyhow")
        if char == "(":
            raise self.unsupported("a conditional group", start, "write the cases as alternatives")
        if char in _FLAG_LETTERS or char == "-":
            return self._flags(start, char, flags)
        raise self.error("unknown group", start, self.pos, "a literal '(' is written '\\('")

    def _named(self, start: int) -> None:
        char = self.next(start)
        if char in "=>":
            raise self.unsupported("a back-reference", start, NO_BACKREF)
        end = self.pattern.find(">", self.pos)
        if char != "<" or end < 0:
            raise self.error("unknown group", start, self.pos, "a named group is (?P<name>...)")
        name, at = self.pattern[self.pos : end], self.pos
        if not name.isidentifier():
            raise self.error("a group's name has to be an identifier", at, end)
        if name in self.names:
            raise self.error(
                f"a second group of the name '{name[:40]}'", at, end, "choose another name, or write (?:...)"
            )
        self.names.add(name)
        self.pos = end + 1

    def _flags(self, start: int, char: str, flags: Flags) -> tuple[Flags, bool]:
        """`(?flags)`, which changes the whole pattern, or `(?flags-flags:`, which opens a group."""
        on, off = "", ""
        while char in _FLAG_LETTERS:
            on += char
            char = self.next(start)
        if char == "-":
            char = self.next(start)
            while char in _FLAG_LETTERS:
                off += char
                char = self.next(start)
            if not off or char != ":":
                raise self.error("flags to turn off are written (?-i:...)", start, self.pos)
        if char not in ":)":
            raise self.error(f"unknown flag '{char}'", self.pos - 1, self.pos, "the flags are a, i, m, s, u and x")
        self._check_flags(start, on, off)
        changes = {_FLAG_FIELDS[c]: True for c in on if c in _FLAG_FIELDS} | {
            _FLAG_FIELDS[c]: False for c in off if c in _FLAG_FIELDS
        }
        if "u" in on:
            changes["ascii_only"] = False
        values = {name: changes.get(name, getattr(flags, name)) for name in _FLAG_FIELDS.values()}
        return Flags(**values), char == ":"

    def _check_flags(self, start: int, on: str, off: str) -> None:
        if "L" in on + off:
            raise self.error("flag L is for patterns over bytes", start, self.pos)
        if "a" in on and "u" in on:
            raise self.error("flags a and u exclude each other", start, self.pos)
        if "a" in off or "u" in off:
            raise self.error("flags a and u cannot be turned off", start, self.pos, "turn the other one on")
        if set(on) & set(off):
            raise self.error("a flag is turned on and off at once", start, self.pos)
