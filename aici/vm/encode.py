"""`Program` to the bytes of a `.aic` file and back.

    magic (4) · version (2) · CRC-32 of the rest (4) · contents, compressed by DEFLATE

`encode` is deterministic. `decode` is safe for any bytes: it returns a `Program`, of which nothing but the shape is
known yet (`verify.verify` does the rest; `verify.load` does both), or raises one of the three errors below. Whoever
loads or stores bytecode may import this module. `docs/bytecode.md` describes the contents.
"""

from __future__ import annotations

import zlib
from itertools import groupby

from .isa import TABLE, VERSION, Operand
from .program import Automaton, Function, Handler, Instr, Position, Program
from .wire import Damage, Reader, Writer

MAGIC = b"\x7fAIC"
MAX_CONTENTS = 8 << 20
"""Bytes of the contents after decompression."""
_HEADER = 10


class BytecodeError(Exception):
    """Bytes that are no controller that we run; the message says what and where."""


class NotBytecode(BytecodeError):
    """Not a `.aic` file at all."""


class WrongVersion(BytecodeError):
    """A `.aic` file of another version of the format."""


class CorruptBytecode(BytecodeError):
    """A `.aic` file that was cut or damaged."""


def encode(program: Program) -> bytes:
    """The bytes of a verified program; ValueError if they would exceed what `decode` takes."""
    data = contents(program)
    if len(data) > MAX_CONTENTS:
        raise ValueError(f"the program takes {len(data)} bytes; the limit is {MAX_CONTENTS}")
    compressor = zlib.compressobj(level=9, wbits=-15)
    body = compressor.compress(data) + compressor.flush()
    return MAGIC + VERSION.to_bytes(2, "little") + zlib.crc32(body).to_bytes(4, "little") + body


def contents(program: Program) -> bytes:
    """What `encode` compresses: the same bytes for the same program, wherever it was made."""
    writer = Writer()
    writer.text(program.name)
    writer.sequence([] if program.source is None else [program.source], writer.text)
    writer.sequence(program.consts, writer.const)
    writer.sequence(program.names, writer.text)
    writer.sequence(program.functions, lambda function: _write_function(writer, function))
    writer.sequence(program.automata, lambda automaton: _write_automaton(writer, automaton))
    return bytes(writer.data)


def decode(data: bytes) -> Program:
    """The program that `encode` made these bytes of; NotBytecode, WrongVersion or CorruptBytecode."""
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        raise NotBytecode("not a compiled controller: it does not begin as one")
    if len(data) < _HEADER:
        raise CorruptBytecode(f"the file ends within its header, after {len(data)} bytes")
    version = int.from_bytes(data[4:6], "little")
    if version != VERSION:
        raise WrongVersion(
            f"bytecode of version {version}; this aicic runs version {VERSION}: compile the source again"
        )
    body = data[_HEADER:]
    if zlib.crc32(body) != int.from_bytes(data[6:_HEADER], "little"):
        raise CorruptBytecode("the checksum does not match: the file was cut or damaged")
    return decode_contents(_decompress(body))


def _decompress(body: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=-15)
    try:
        contents = stream.decompress(body, MAX_CONTENTS)
    except zlib.error:
        raise CorruptBytecode("the contents do not decompress") from None
    if not stream.eof and (stream.unconsumed_tail or len(contents) == MAX_CONTENTS):
        raise CorruptBytecode(f"the contents take more than {MAX_CONTENTS} bytes")
    if not stream.eof or stream.unused_data:
        raise CorruptBytecode("the contents do not end where the file ends")
    return contents


def decode_contents(contents: bytes) -> Program:
    """The program of decompressed contents; CorruptBytecode."""
    reader = Reader(contents)
    try:
        name = reader.text()
        source = reader.sequence(reader.text)
        if len(source) > 1:
            raise reader.damage("more than one source text")
        program = Program(
            name=name,
            source=source[0] if source else None,
            consts=reader.sequence(reader.const),
            names=reader.sequence(reader.text),
            functions=reader.sequence(lambda: _read_function(reader)),
            automata=reader.sequence(lambda: _read_automaton(reader)),
        )
        if reader.offset != len(contents):
            raise reader.damage("more follows after the end")
    except Damage as damage:
        raise CorruptBytecode(str(damage)) from None
    return program


def _write_automaton(writer: Writer, automaton: Automaton) -> None:
    writer.text(automaton.kind)
    writer.sequence(automaton.key, writer.text)
    writer.bytes_(automaton.data)


def _read_automaton(reader: Reader) -> Automaton:
    return Automaton(kind=reader.text(), key=reader.sequence(reader.text), data=reader.bytes_())


def _write_function(writer: Writer, function: Function) -> None:
    writer.text(function.name)
    flags = (function.is_async, function.is_generator, function.has_varargs, function.has_varkw)
    writer.data += bytes(flags)
    for number in (
        function.n_positional,
        function.n_positional_only,
        function.n_keyword_only,
        function.n_defaults,
        function.max_stack,
    ):
        writer.uint(number)
    writer.sequence(function.keyword_defaults, writer.uint)
    writer.sequence(function.locals, writer.text)
    writer.sequence(function.cells, writer.text)
    writer.sequence(function.captures, writer.uint)
    _write_code(writer, function.code)
    writer.sequence(function.handlers, lambda row: _write_handler(writer, row))
    _write_positions(writer, function.positions)


def _read_function(reader: Reader) -> Function:
    name = reader.text()
    is_async, is_generator, has_varargs, has_varkw = (reader.flag() for _ in range(4))
    n_positional, n_positional_only, n_keyword_only, n_defaults, max_stack = (reader.uint() for _ in range(5))
    keyword_defaults = reader.sequence(reader.uint)
    locals_ = reader.sequence(reader.text)
    cells = reader.sequence(reader.text)
    captures = reader.sequence(reader.uint)
    code = _read_code(reader)
    return Function(
        name=name,
        is_async=is_async,
        is_generator=is_generator,
        n_positional=n_positional,
        n_positional_only=n_positional_only,
        n_keyword_only=n_keyword_only,
        has_varargs=has_varargs,
        has_varkw=has_varkw,
        n_defaults=n_defaults,
        keyword_defaults=keyword_defaults,
        locals=locals_,
        cells=cells,
        captures=captures,
        max_stack=max_stack,
        code=code,
        handlers=reader.sequence(lambda: _read_handler(reader)),
        positions=_read_positions(reader, len(code)),
    )


def _write_code(writer: Writer, code: tuple[Instr, ...]) -> None:
    """An opcode a byte, then its operands; jump targets relative to the instruction, in instructions."""
    writer.uint(len(code))
    for index, instr in enumerate(code):
        writer.data.append(instr.op)
        for operand, value in zip(TABLE[instr.op].operands, instr[1:], strict=False):
            if operand is Operand.TARGET:
                writer.sint(value - index)
            else:
                writer.uint(value)


def _read_code(reader: Reader) -> tuple[Instr, ...]:
    code: list[Instr] = []
    byte, uint = reader.byte, reader.uint
    for index in range(reader.count()):
        op = byte()
        kind = _OPERANDS.get(op)
        if kind is None:
            raise reader.damage(f"{op} is no opcode")
        if kind == 0:
            code.append(Instr(op))
        elif kind == 1:
            code.append(Instr(op, uint()))
        elif kind == 2:
            code.append(Instr(op, uint(), uint()))
        else:
            code.append(Instr(op, index + reader.sint()))
    return tuple(code)


_JUMPS = 3
_OPERANDS = {op: _JUMPS if Operand.TARGET in info.operands else len(info.operands) for op, info in TABLE.items()}
"""Number of operands of each opcode; `_JUMPS` for a target alone."""

assert all(info.operands == (Operand.TARGET,) for op, info in TABLE.items() if _OPERANDS[op] == _JUMPS)


def _write_handler(writer: Writer, row: Handler) -> None:
    for number in (row.start, row.end - row.start, row.target, row.depth):
        writer.sint(number)


def _read_handler(reader: Reader) -> Handler:
    start, length, target, depth = (reader.sint() for _ in range(4))
    return Handler(start, start + length, target, depth)


def _write_positions(writer: Writer, positions: tuple[Position, ...]) -> None:
    """Runs of instructions that share a position: length of the run, then line and column as differences from the run
    before, then width."""
    before = Position(1, 1, 1)
    for position, run in groupby(positions):
        writer.uint(sum(1 for _ in run))
        writer.sint(position.line - before.line)
        writer.sint(position.column - before.column)
        writer.sint(position.end_column - position.column)
        before = position


def _read_positions(reader: Reader, length: int) -> tuple[Position, ...]:
    positions: list[Position] = []
    line = column = 1
    while len(positions) < length:
        run = reader.uint()
        if not 0 < run <= length - len(positions):
            raise reader.damage(f"positions for {run} instructions where {length - len(positions)} are left")
        line += reader.sint()
        column += reader.sint()
        positions += [Position(line, column, column + reader.sint())] * run
    return tuple(positions)
