"""How a run looks while it happens: `LiveView` on a terminal with colours, `PlainView` in pipes and files.

In: the host's events. Out: text on a stream. What a model or a controller says is shown without its control characters,
so that no output of theirs can play with the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol, TextIO, TypeAlias

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.text import Text

from aici.host.events import Backtracked, Ended, Event, Fixed, Forced, Forked, Logged, Prompted, Token, VariableSet
from aici.host.tokenizer import Tokenizer

_STYLES: Final = {
    "prompt": "dim",
    "fixed": "",
    "gen": "bold green",
    "gone": "red strike",
    "note": "dim italic",
    "error": "bold red",
}
_REFRESH: Final = 1 / 12  # seconds between two pictures
_VALUE_WIDTH: Final = 2000  # characters or bytes of a variable that are shown

Spelled: TypeAlias = Prompted | Fixed | Token | Forced | Backtracked
Spell: TypeAlias = Callable[[Spelled], bytes]
"""How the tokens of an event are shown."""


class View(Protocol):
    """Shows events; `close` shows what is still held back."""

    def show(self, event: Event) -> None: ...

    def close(self) -> None: ...


def printable(text: str) -> str:
    """The text with a visible sign in place of each control character but line breaks and tabs."""
    return "".join(c if c.isprintable() or c in "\n\t" else _sign(c) for c in text)


def shown_value(value: bytes) -> str:
    """A variable's value as text, or in hex where it is no text; long ones are cut."""
    try:
        text = printable(value.decode()[:_VALUE_WIDTH])
    except UnicodeDecodeError:
        text = f"0x{value[:_VALUE_WIDTH].hex()}"
    return text if len(value) <= _VALUE_WIDTH else f"{text}… ({len(value)} bytes)"


def _sign(character: str) -> str:
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def speller(tokenizer: Tokenizer) -> Spell:
    """Spells special tokens by their names, which text leaves out."""
    names = {token: name.encode() for name, token in tokenizer.special.items()}
    pieces = tokenizer.token_bytes

    def spell(event: Spelled) -> bytes:
        tokens = (event.token,) if isinstance(event, Token) else event.tokens
        return b"".join(pieces[token] or names.get(token, b"") for token in tokens)

    return spell


def _as_text(event: Spelled) -> bytes:
    return event.text


class PlainView:
    """A line a piece: `[branch] kind  | text`, further lines of the text under it. Made for reading and for grep."""

    def __init__(self, stream: TextIO, spell: Spell = _as_text) -> None:
        self._stream = stream
        self._spell = spell
        self._open: dict[int, tuple[str, bytearray]] = {}  # by branch: what may still go on, and its kind

    def show(self, event: Event) -> None:
        branch = event.branch
        match event:
            case Prompted():
                self._piece(branch, "prompt", self._spell(event))
            case Fixed():
                self._piece(branch, "fixed", self._spell(event))
            case Token() | Forced():
                self._piece(branch, "gen", self._spell(event), new=event.first)
            case Logged(text=text):
                self._piece(branch, "log", text.encode("utf-8", "replace"))
            case Backtracked():
                self._line(branch, "back", self._spell(event).decode("utf-8", "replace"))
            case Forked(branches=branches):
                self._line(branch, "fork", " ".join(f"[{index}]" for index in branches))
            case VariableSet(name=name, value=value):
                self._line(branch, "set", f"{name} = {shown_value(value)}")
            case Ended(finish_reason=reason, error=error):
                self._line(branch, reason, error or "")

    def close(self) -> None:
        for branch in list(self._open):
            self._flush(branch)

    def _piece(self, branch: int, kind: str, text: bytes, new: bool = False) -> None:
        if new or self._open.get(branch, ("", b""))[0] != kind:
            self._flush(branch)
            self._open[branch] = kind, bytearray()
        self._open[branch][1].extend(text)

    def _flush(self, branch: int) -> None:
        kind, text = self._open.pop(branch, ("", bytearray()))
        if text:
            shown = text.decode("utf-8", "replace")
            self._put(branch, kind, shown.removesuffix("\n") if kind == "log" else shown)

    def _line(self, branch: int, kind: str, text: str) -> None:
        self._flush(branch)
        self._put(branch, kind, text)

    def _put(self, branch: int, kind: str, text: str) -> None:
        head = f"[{branch}] {kind:<6} |"
        margin = " " * (len(head) - 1) + "|"
        lines = printable(text).split("\n")
        for index, line in enumerate(lines):
            start = margin if index else head
            print(f"{start} {line}" if line else start, file=self._stream, flush=True)


@dataclass
class _Block:
    """What one branch shows: pieces of text, each with a style. A character may be spread over tokens, so bytes."""

    title: str
    pieces: list[tuple[str, bytearray]] = field(default_factory=list)

    def add(self, style: str, text: bytes, new: bool = False) -> None:
        if new or not self.pieces or self.pieces[-1][0] != style:
            self.pieces.append((style, bytearray()))
        self.pieces[-1][1].extend(text)

    def strike(self, size: int) -> None:
        """The last `size` bytes that stand are taken back."""
        for index in range(len(self.pieces) - 1, -1, -1):
            style, text = self.pieces[index]
            if style not in ("prompt", "fixed", "gen"):
                continue
            kept = max(0, len(text) - size)
            size -= len(text) - kept
            self.pieces[index : index + 1] = [
                (style_, part) for style_, part in ((style, text[:kept]), ("gone", text[kept:])) if part
            ]
            if not size:
                return
        self.add("note", f" (and {size} bytes from before the fork) ".encode())

    def render(self) -> Text:
        text = Text.assemble((self.title, "bold cyan")) if self.title else Text()
        for style, piece in self.pieces:
            text.append(printable(piece.decode("utf-8", "replace")), _STYLES[style])
        return text


class _Picture:
    """All blocks; while the run goes on only as many of the last lines as the terminal has."""

    def __init__(self, blocks: Iterable[_Block], whole: bool) -> None:
        self._texts = Group(*(block.render() for block in blocks))
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._texts, options.update(height=None), pad=False)
        for line in lines if self._whole else lines[-max(1, console.height - 1) :]:
            yield from line
            yield Segment.line()


class LiveView:
    """One block a branch, drawn over and over while the run goes on."""

    def __init__(self, console: Console, spell: Spell = _as_text) -> None:
        self._spell = spell
        self._blocks: dict[int, _Block] = {0: _Block("")}
        self._logs: dict[int, str] = {}  # by branch: printed, but no line break yet
        self._drawn = 0.0
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="visible")
        self._live.start()

    def show(self, event: Event) -> None:
        block = self._blocks.setdefault(event.branch, _Block(f"[{event.branch}] "))
        match event:
            case Prompted():
                block.add("prompt", self._spell(event))
            case Fixed():
                block.add("fixed", self._spell(event))
            case Token() | Forced():
                block.add("gen", self._spell(event), event.first)
            case Backtracked():
                block.strike(len(self._spell(event)))
            case Logged(text=text):
                self._log(event.branch, text)
            case Forked(branches=branches):
                self._fork(event.branch, branches)
            case Ended(error=error) if error is not None:
                block.add("error", f" {error}".encode())
            case _:
                return
        if monotonic() - self._drawn > _REFRESH:
            self._draw()

    def close(self) -> None:
        for branch, rest in self._logs.items():
            if rest:
                self._log(branch, "\n")
        self._draw(whole=True)
        self._live.stop()

    def _log(self, branch: int, text: str) -> None:
        """Whole lines go above the picture and stay there."""
        *lines, self._logs[branch] = (self._logs.get(branch, "") + text).split("\n")
        label = f"[{branch}] log: " if self._blocks[branch].title else "log: "
        for line in lines:
            self._live.console.print(Text(label + printable(line), style="dim yellow"))

    def _fork(self, branch: int, branches: tuple[int, ...]) -> None:
        if len(branches) == 1:
            return
        self._blocks[branch].title = self._blocks[branch].title or f"[{branch}] "
        for index in branches[1:]:
            self._blocks[index] = _Block(f"[{index}] from [{branch}] ")

    def _draw(self, whole: bool = False) -> None:
        self._live.update(_Picture(self._blocks.values(), whole), refresh=True)
        self._drawn = monotonic()
