"""Kernels: native code and the Python twin give the same, also from the cache."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aici.grammar import cache, image, libraries, lowering
from aici.grammar.jit import (
    Kernel,
    KernelError,
    Ptr,
    Record,
    clear_words,
    clear_words_on,
    copy_words,
    copy_words_on,
    i8,
    i16,
    i32,
    i64,
    kernel,
    ones,
    publish,
    trailing_zeros,
    u8,
    u16,
    u32,
    u64,
)

LIMIT = 7


@kernel
def arithmetic(out: Ptr[i64], a: i64, b: i64) -> i64:
    """Every operator once."""
    out[0] = a + b
    out[1] = a - b
    out[2] = a * b
    out[3] = a & b
    out[4] = a | b
    out[5] = a ^ b
    out[6] = ~a
    out[7] = -a
    out[8] = a >> 3
    out[9] = a << 3
    if b != 0:
        out[10] = a // b
        out[11] = a % b
    out[12] = min(a, b)
    out[13] = max(a, b)
    out[14] = a if a < b else b + LIMIT
    out[15] = i64(a < b) + i64(a <= b) * 2 + i64(a == b) * 4
    out[16] = u8(a)
    out[17] = i8(a)
    out[18] = u16(a + b)
    out[19] = i16(a * b)
    out[20] = u32(-a)
    out[21] = i32(~a)
    out[22] = i64(not ((a < b and b < 10) or a == 3))
    return a


@kernel
def unsigned(out: Ptr[u64], a: u64, b: u64) -> u64:
    out[0] = u64(a + b)
    out[1] = u64(a - b)
    out[2] = u64(a * b)
    out[3] = u64(a << 5)
    out[4] = a >> 5
    out[5] = u64(~a)
    out[6] = u64(-a)
    if b != 0:
        out[7] = a // b
        out[8] = a % b
    out[9] = min(a, b)
    out[10] = max(a, 12)
    out[11] = a if a < b else b
    out[12] = u64(a * 0x9E3779B97F4A7C15) ^ b
    return u64(a + 1)


@kernel
def square(x: i64) -> i64:
    return x * x


@kernel
def put(out: Ptr[i32], i: i64, value: i64) -> None:
    out[i] = i32(value)


@kernel
def control(items: Ptr[u8], n: i64, out: Ptr[i32]) -> i64:
    found = 0
    for i in range(n):
        if items[i] == 0:
            continue
        if items[i] == 255:
            break
        found += square(items[i])
        put(out[i:], 0, found)
    rest = 0
    while True:
        rest += 1
        if rest >= 3 or found < 0:
            break
    for i in range(n - 1, 0, -2):
        out[i] += 1
    for i in range(1, n):
        for j in range(2):
            out[i] = i32(out[i] * 3 + j)
    if found > 1000:
        return found
    elif found == 0:
        return -1
    else:
        return rest


class Text(Record):
    letters: Ptr[u8]
    n: i64
    key: u64


@kernel
def checksum(text: Text, seed: u64) -> u64:
    total = u64(seed * text.key)
    for i in range(text.n):
        total = u64(total * 31) ^ u64(text.letters[i])
    return total


SMALL = st.integers(-(2**31), 2**31)
WORD = st.integers(0, 2**64 - 1)


@settings(deadline=None, max_examples=60)
@given(SMALL, SMALL)
def test_signed_arithmetic_is_pythons(a: int, b: int) -> None:
    ours, twin = np.zeros(23, np.int64), np.zeros(23, np.int64)
    assert arithmetic(ours, a, b) == arithmetic.python(twin, a, b) == a
    assert ours.tolist() == twin.tolist()


@settings(deadline=None, max_examples=60)
@given(WORD, WORD)
def test_unsigned_arithmetic_wraps_where_it_says_so(a: int, b: int) -> None:
    ours, twin = np.zeros(13, np.uint64), np.zeros(13, np.uint64)
    assert unsigned(ours, a, b) == unsigned.python(twin, a, b) == (a + 1) % 2**64
    assert ours.tolist() == twin.tolist()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([0, 1, 2, 9, 254, 255])))
def test_control_flow_is_pythons(items: list[int]) -> None:
    array = np.array(items, np.uint8)
    ours, twin = np.zeros(len(items), np.int32), np.zeros(len(items), np.int32)
    assert control(array, len(items), ours) == control.python(array, len(items), twin)
    assert ours.tolist() == twin.tolist()


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=9), WORD, WORD)
def test_a_record_is_read_by_its_fields(letters: bytes, key: int, seed: int) -> None:
    text = Text(letters=np.frombuffer(letters + b"x", np.uint8), n=len(letters), key=key)
    assert checksum(text, seed) == checksum.python(text, seed)


def test_a_record_can_be_carved_from_one_piece_of_memory() -> None:
    class Parts(Record):
        n: i64
        bytes: Ptr[u8]
        words: Ptr[u64]
        ints: Ptr[i32]

    parts = Parts.carve((3,), (3, 2, 5))
    fields = parts.fields
    assert [fields[name].size for name in ("bytes", "words", "ints")] == [3, 2, 5]
    addresses = [fields[name].ctypes.data for name in ("bytes", "words", "ints")]
    assert [fields["n"], *addresses] == list(parts.slots)
    fields["words"][:] = 2**64 - 1
    assert not fields["bytes"].any() and not fields["ints"].any()


def test_a_record_has_exactly_its_fields() -> None:
    letters = np.zeros(1, np.uint8)
    for wrong in (
        {"letters": letters, "n": 1},
        {"n": 1, "letters": letters, "key": 1},
        {"letters": 1, "n": 1, "key": 1},
    ):
        with pytest.raises(KernelError):
            Text(**wrong)
    with pytest.raises(KernelError):
        checksum(letters, 0)


def test_the_twin_refuses_what_native_code_must_not_do() -> None:
    one = np.zeros(1, np.int32)
    for wrong in (-1, 1):
        with pytest.raises(IndexError):
            put.python(one, wrong, 0)
    with pytest.raises(ZeroDivisionError):
        divide.python(1, 0)


@kernel
def divide(a: i64, b: i64) -> i64:
    return a // b


def test_arguments_are_checked() -> None:
    array = np.zeros(4, np.int32)
    for wrong in (np.zeros(4, np.int64), array[::2], [1, 2]):
        with pytest.raises(KernelError):
            put(wrong, 0, 0)
    with pytest.raises(KernelError):
        put(array, 0)


def test_a_bound_call_can_be_repeated_with_other_numbers() -> None:
    array = np.zeros(4, np.int32)
    call = put.bind(array, 0, 5)
    call()
    call.slots[1], call.slots[2] = 3, 6
    call()
    assert array.tolist() == [5, 0, 0, 6]


def alone(function: Callable[..., Any]) -> Kernel:
    """A kernel of a module of its own, so that its mistake stays there."""
    function.__module__ = function.__name__
    return kernel(function)


@alone
def wraps_silently(a: u64, b: u64) -> u64:
    return a + b


@alone
def mixes(a: u64, b: i64) -> i64:
    return i64(a < b)


@alone  # noqa: RET503
def says_nothing(a: i64) -> i64:
    if a > 0:
        return 1


@alone
def calls_python(a: i64) -> i64:
    return abs(a)


@alone
def calls_itself(a: i64) -> i64:
    return calls_itself(a - 1)


@pytest.mark.parametrize("wrong", [wraps_silently, mixes, says_nothing, calls_python, calls_itself])
def test_what_is_outside_the_dialect_is_refused(wrong: Kernel) -> None:
    from aici.grammar.lowering import compile_kernels

    with pytest.raises(KernelError):
        compile_kernels([wrong])


PROGRAM = """
import sys
import numpy as np
from aici.grammar.jit import Ptr, i64, kernel
from {module} import total
print(total(np.arange(100, dtype=np.int64), 100), "llvmlite" in sys.modules)
"""
SOURCE = """
from aici.grammar.jit import Ptr, i64, kernel

@kernel
def total(items: Ptr[i64], n: i64) -> i64:
    sum = {start}
    for i in range(n):
        sum += items[i]
    return sum
"""


def run(tmp_path: Path, start: int = 0, **environment: str) -> list[str]:
    (tmp_path / "sums.py").write_text(SOURCE.format(start=start))
    variables = os.environ | {"AICIC_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)} | environment
    command = [sys.executable, "-c", PROGRAM.format(module="sums")]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout.split()


def test_machine_code_is_cached_by_what_decides_it(tmp_path: Path) -> None:
    assert run(tmp_path) == ["4950", "True"]
    assert run(tmp_path) == ["4950", "False"]
    assert run(tmp_path, start=50) == ["5000", "True"]
    assert run(tmp_path, AICIC_CPU="generic") == ["4950", "True"]
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_the_cache_tells_processors_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def key() -> str:
        return libraries._key([control])

    keys = [key()]
    for name in ("generic", "haswell"):
        monkeypatch.setenv("AICIC_CPU", name)
        keys.append(key())
    monkeypatch.delenv("AICIC_CPU")
    assert key() == keys[0]
    monkeypatch.setattr(libraries, "_cpu", lambda: "flags: sse2 avx512f of another")
    keys.append(key())
    monkeypatch.setattr("platform.machine", lambda: "another")
    keys.append(key())
    assert len(set(keys)) == len(keys)


def test_where_the_system_says_nothing_of_its_processor_llvm_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert libraries._cpu()
    monkeypatch.setattr(image, "is_served", lambda: False)
    assert llvm.get_host_cpu_name() in libraries._cpu()


def test_a_damaged_cache_is_not_trusted_and_is_repaired(tmp_path: Path) -> None:
    run(tmp_path)
    (file,) = (tmp_path / "cache").iterdir()
    good = file.read_bytes()
    for bad in (b"", good[:50], good[:-1], good[:-1] + bytes([good[-1] ^ 1]), good + b"x"):
        file.write_bytes(bad)
        assert run(tmp_path) == ["4950", "True"]
        assert file.read_bytes() == good
    file.chmod(0o666)
    assert run(tmp_path) == ["4950", "True"]


def test_no_place_for_a_cache_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(tmp_path, AICIC_CACHE_DIR=str(tmp_path / "file" / "cache")) == ["4950", "True"]
    assert run(tmp_path, AICIC_CACHE_DIR="/dev/full") == ["4950", "True"]


def test_a_link_or_a_directory_is_no_cache_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AICIC_CACHE_DIR", str(tmp_path))
    assert cache.store("a", b"hello")
    assert cache.load("a") == b"hello"
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "c").mkdir()
    (tmp_path / "d").write_bytes((tmp_path / "a").read_bytes())
    os.mkfifo(tmp_path / "e")
    assert [cache.load(name) for name in "bcde"] == [None] * 4
    assert not cache.store("c", b"hello")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "c", "d", "e"]


def test_where_no_image_is_served_llvm_loads_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "is_served", lambda: False)
    code = lowering.compile_kernels([control, unsigned], "generic")
    assert image.load(code) is None
    address = lowering.load_with_engine(code, ["control", "unsigned"])["control"]
    items, out = np.array([1, 0, 9, 255], np.uint8), np.zeros(4, np.int32)
    bound = control.bind(items, 4, out)
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(address)(bound.address) == bound()


def test_a_system_without_images_loads_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, machine in (("darwin", "arm64"), ("linux", "riscv64"), ("linux", "i686")):
        monkeypatch.setattr("sys.platform", system)
        monkeypatch.setattr("platform.machine", lambda machine=machine: machine)
        assert not image.is_served()


FORBID = """
import ctypes, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE: memory that was written is never executable
    sys.exit("unknown to this system")
from aici.cli import main
sys.exit(main(["regex", "a+"]))
"""


@pytest.mark.skipif(not image.is_served(), reason="no images here")
def test_a_system_that_forbids_machine_code_says_so() -> None:
    done = subprocess.run([sys.executable, "-c", FORBID], capture_output=True, text=True)
    if "unknown to this system" in done.stderr:
        pytest.skip("Linux knows this from 6.3 on")
    assert done.returncode == 74 and "MemoryDenyWriteExecute" in done.stderr and "Traceback" not in done.stderr


@kernel
def bits(a: Ptr[u64], n: i64, out: Ptr[u32], other: Ptr[u32]) -> i64:
    total = 0
    for i in range(n):
        if a[i] != 0:
            total += 100 * ones(a[i]) + trailing_zeros(a[i])
    copy_words(out, other, n)
    clear_words(out[n:], n)
    return total


@pytest.mark.parametrize("text", [None, lowering._LOOP_WORDS])
def test_bits_and_many_words(text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    a = np.array([0, 1, 2**63, 2**64 - 1, 0b101000], np.uint64)
    results = []
    if text is not None:
        monkeypatch.setattr(lowering, "_STRING_WORDS", text)
    addresses = image.load(lowering.compile_kernels([bits], "generic"))
    for native in (True, False):
        out = np.full(12, 7, np.uint32)
        bound = bits.bind(a, 5, out, np.arange(5, dtype=np.uint32))
        if native and addresses is not None:
            entry = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(addresses["bits"])
            results.append((entry(bound.address), out.tolist()))
        results.append((bits.python(*bound.keep), out.tolist()))
    assert results == [(100 + 163 + 6400 + 203, [0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 7, 7])] * len(results)


@kernel
def rows_on(n: i64, out: Ptr[u32], other: Ptr[u32]) -> None:
    copy_words_on(out, other, n)
    clear_words_on(out[n + 1 :], n)


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 32, 100])
def test_rows_that_follow_one_another(n: int) -> None:
    row = np.arange(1, n + 1, dtype=np.uint32)
    expected = [*row.tolist(), 7, *[0] * n, 7]
    for run in (rows_on, rows_on.python):
        out = np.full(2 * n + 2, 7, np.uint32)
        run(n, out, np.append(row, np.uint32(9)))
        assert out.tolist() == expected


def test_an_image_can_be_linked_for_arm() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError:
        pytest.skip("this LLVM has no such target")
    machine = target.create_target_machine(opt=3, reloc="pic", codemodel="small")
    code = lowering.emit([control, dot, tell, rows_on], machine)
    linked = image.link(code, ["control", "dot", "tell", "rows_on"])
    assert b"control" in linked
    assert bytes.fromhex("bf3b03d5") in linked, "dmb ish"
    with pytest.raises(image.LinkError):
        image.link(b"\xcf\xfa\xed\xfe" + code, ["control"])


@kernel
def dot(a: Ptr[u8], b: Ptr[u32], n: i64) -> i64:
    """Long enough to need constants in memory when it is made for vectors."""
    total = 0
    for i in range(n):
        total += (i * 3 & 7) * a[i] * b[i] + (i & 1)
    return total


@kernel
def tell(items: Ptr[i64], value: i64) -> None:
    items[1] = value
    publish()
    items[0] = 1


def test_publishing() -> None:
    native, plain = np.zeros(2, np.int64), np.zeros(2, np.int64)
    tell(native, 5)
    tell.python(plain, 5)
    assert native.tolist() == plain.tolist() == [1, 5]
