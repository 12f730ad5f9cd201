"""The bytes of a program: there and back, and whatever else may lie in a file."""

from __future__ import annotations

import dataclasses
import math
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm.encode import (
    MAGIC,
    MAX_CONTENTS,
    BytecodeError,
    CorruptBytecode,
    NotBytecode,
    WrongVersion,
    decode,
    decode_contents,
    encode,
)
from aici.vm.isa import TABLE, VERSION, Op, Operand
from aici.vm.program import Automaton, Function, Handler, Instr, Position, Program
from aici.vm.verify import load, verify
from aici.vm.wire import MAX_ITEMS, MAX_NESTING, Reader, Writer

CONTROLLER = """\
import aici

async def main(n=3, *rest, key="k", **more):
    await aici.FixedTokens("The word 'hello' in French is")
    french = await aici.gen_text(regex=r' "[^"]+"', max_tokens=5)
    try:
        numbers = [n * i for i in range(10 ** 3) if i % 2]
    except (ValueError, KeyError) as error:
        print(f"{error!r:>{n}}")
    return lambda: (numbers, french, 1.5, -7, b"\\xff", None, "\u00e4\U0001f600")

aici.start(main())
"""

BYTES = encode(compile_source(SourceFile("main.py", CONTROLLER)))

numbers = st.integers(0, 300) | st.integers(0, 1 << 40)
texts = st.text(max_size=5)
consts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@st.composite
def instructions(draw: st.DrawFn) -> Instr:
    info = TABLE[draw(st.sampled_from(list(Op)))]
    return Instr(int(info.op), *(draw(numbers) for _ in info.operands))


@st.composite
def functions(draw: st.DrawFn) -> Function:
    code = draw(st.lists(instructions(), max_size=6))
    positions = st.builds(Position, numbers, numbers, numbers)
    return Function(
        **{name: draw(texts) for name in ("name",)},
        **{name: draw(st.booleans()) for name in ("is_async", "is_generator", "has_varargs", "has_varkw")},
        **{
            name: draw(numbers)
            for name in ("n_positional", "n_positional_only", "n_keyword_only", "n_defaults", "max_stack")
        },
        **{name: tuple(draw(st.lists(numbers, max_size=3))) for name in ("keyword_defaults", "captures")},
        **{name: tuple(draw(st.lists(texts, max_size=3))) for name in ("locals", "cells")},
        code=tuple(code),
        handlers=tuple(draw(st.lists(st.builds(Handler, numbers, numbers, numbers, numbers), max_size=2))),
        positions=tuple(draw(positions) for _ in code),
    )


programs = st.builds(
    Program,
    name=texts,
    source=st.none() | texts,
    consts=st.lists(consts, max_size=4).map(tuple),
    names=st.lists(texts, max_size=4).map(tuple),
    functions=st.lists(functions(), max_size=2).map(tuple),
    automata=st.lists(
        st.builds(Automaton, texts, st.lists(texts, max_size=2).map(tuple), st.binary(max_size=5)), max_size=2
    ).map(tuple),
)


@settings(deadline=None, max_examples=100)
@given(programs)
def test_decode_undoes_encode_for_any_program(program: Program) -> None:
    data = encode(program)
    assert repr(decode(data)) == repr(program)  # repr tells 1 from True and 0.0 from -0.0
    assert encode(decode(data)) == data


def test_a_compiled_controller_survives() -> None:
    assert load(BYTES) == compile_source(SourceFile("main.py", CONTROLLER))
    assert encode(load(BYTES)) == BYTES


def test_constants_keep_their_type_and_sign() -> None:
    values = (0, -0.0, 0.0, False, 1, True, 1.0, math.inf, 1 << 200, -(1 << 200), "\ud800", "", b"", ((), (None,)))
    program = dataclasses.replace(load(BYTES), consts=values)
    assert repr(decode(encode(program)).consts) == repr(values)


def test_every_way_in_which_a_file_is_not_ours_has_its_own_error() -> None:
    for data in (b"", b"import aici\n", b"\x7fELF" + bytes(60), b"\0" * 10):
        with pytest.raises(NotBytecode):
            decode(data)
    other = MAGIC + (VERSION + 1).to_bytes(2, "little") + BYTES[6:]
    with pytest.raises(WrongVersion, match=str(VERSION + 1)):
        decode(other)
    for data in (MAGIC, BYTES[:9], BYTES[:-1], BYTES + b"\0"):
        with pytest.raises(CorruptBytecode):
            decode(data)


def test_one_changed_byte_is_noticed_wherever_it_is() -> None:
    for offset in range(len(BYTES)):
        for change in (0x01, 0x80, 0xFF):
            data = bytearray(BYTES)
            data[offset] ^= change
            with pytest.raises(BytecodeError):
                load(bytes(data))


def test_a_file_cut_anywhere_is_noticed() -> None:
    for length in range(len(BYTES)):
        with pytest.raises(BytecodeError):
            load(BYTES[:length])


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_any_contents_are_decoded_or_refused(contents: bytes) -> None:
    try:
        program = decode_contents(contents)
        verify(program)
    except BytecodeError:
        return
    assert decode(encode(program)) == program


def contents_of(data: bytes) -> bytes:
    return zlib.decompressobj(wbits=-15).decompress(data[10:])


@settings(deadline=None, max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=3))
def test_damage_that_the_checksum_does_not_see_is_refused_or_harmless(changes: list[tuple[int, int]]) -> None:
    contents = bytearray(contents_of(BYTES))
    for offset, value in changes:
        contents[offset % len(contents)] = value
    try:
        verify(decode_contents(bytes(contents)))
    except BytecodeError as error:
        assert str(error)


def sealed(contents: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    body = compressor.compress(contents) + compressor.flush()
    return MAGIC + VERSION.to_bytes(2, "little") + zlib.crc32(body).to_bytes(4, "little") + body


def test_what_decompresses_to_too_much_is_refused() -> None:
    with pytest.raises(CorruptBytecode, match="more than"):
        decode(sealed(bytes(MAX_CONTENTS + 1)))
    with pytest.raises(CorruptBytecode):
        decode(sealed(bytes(MAX_CONTENTS)))


def test_what_is_no_deflate_stream_is_refused() -> None:
    for body in (b"", b"\xff\xff", BYTES[10:] + b"more"):
        data = MAGIC + VERSION.to_bytes(2, "little") + zlib.crc32(body).to_bytes(4, "little") + body
        with pytest.raises(CorruptBytecode):
            decode(data)


def test_counts_are_never_believed() -> None:
    writer = Writer()
    writer.uint(1 << 60)
    with pytest.raises(CorruptBytecode):
        decode_contents(bytes(writer.data))
    many = Writer()
    many.text("name")
    many.uint(0)
    many.uint(MAX_ITEMS + 1)
    with pytest.raises(CorruptBytecode, match="more than"):
        decode_contents(bytes(many.data) + bytes(MAX_ITEMS + 1))


def test_nesting_of_constants_is_bounded() -> None:
    nested = Writer()
    nested.text("name")
    nested.uint(0)
    nested.uint(1)
    with pytest.raises(CorruptBytecode, match="nested"):
        decode_contents(bytes(nested.data) + b"\x08\x01" * (MAX_NESTING + 2) + b"\0")


@pytest.mark.parametrize("written", [b"\x80", b"\x80\x00", b"\xff" * 10 + b"\x01"])
def test_numbers_have_one_spelling(written: bytes) -> None:
    with pytest.raises(Exception, match=r"number|end"):
        Reader(written).uint()


@given(st.integers(0, (1 << 63) - 1), st.integers(-(1 << 62), (1 << 62) - 1))
def test_numbers_come_back(unsigned: int, signed: int) -> None:
    writer = Writer()
    writer.uint(unsigned)
    writer.sint(signed)
    reader = Reader(bytes(writer.data))
    assert (reader.uint(), reader.sint()) == (unsigned, signed)


def test_more_than_fits_is_not_written() -> None:
    with pytest.raises(ValueError, match="limit"):
        encode(dataclasses.replace(load(BYTES), source="x" * (MAX_CONTENTS + 1)))


def test_every_operand_kind_is_in_use() -> None:
    assert {operand for info in TABLE.values() for operand in info.operands} == set(Operand)
