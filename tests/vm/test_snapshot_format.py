"""The format of snapshots has a version: when what a state holds changes, or how it is written, it must be thought of.

If the fingerprint or the bytes differ, raise `snapshot.VERSION` (old snapshots are refused) and write down the new
ones; unless what is new cannot occur in old states, and old states are read as before.
"""

from __future__ import annotations

import hashlib

from aici.compiler import compile_source
from aici.diagnostics import SourceFile
from aici.vm import snapshot, state
from aici.vm.limits import Limits
from aici.vm.names import shared
from aici.vm.native import BUILTINS, TYPES
from aici.vm.process import Process
from aici.vm.requests import ConstraintSpec
from aici.vm.shapes import FIELDS
from aici.vm.values import UNBOUND, ExceptionValue, Object, SequenceIterator, SetValue

FINGERPRINT = (3, "3750356b0c7b069d")
STATE = (
    "000080ade204000080ade20480897a80808020c8018080048080401b1c1c000000000811046c6973741b1105616761696e1b"
    "1104736574731b11076e6174697665731b110468616c662e11056572726f722311056c6162656c2c1104737065631a0a1601"
    "1102612b000bff0f0280000f01ff0f0900000000000000004010000000000000e0bf110474657874120562797465731102c3"
    "a90200030444160244160204811881008219808381022f1701160282570314036c656e14087374722e6a6f696e130a56616c"
    "75654572726f72838044160111036b6579000013084b65794572726f72011b1c130a616963692e4c6162656c018100021109"
    "23706f736974696f6e851105236269747315025c31"
)


def fingerprint() -> tuple[int, str]:
    shapes = [(kind.__name__, names) for kind, names in FIELDS.items()]
    limits = list(Limits.__dataclass_fields__)
    tags = [getattr(kind, "__name__", str(kind)) for kind in state._TAGS], [repr(value) for value in state._FIXED]
    composite = [kind.__name__ for kind in state._COMPOSITE]
    text = repr((shapes, limits, tags, composite, snapshot._HEAD.format))
    return snapshot.VERSION, hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_version_was_thought_of() -> None:
    assert fingerprint() == FINGERPRINT


def test_the_bytes_of_a_state() -> None:
    process = Process(compile_source(SourceFile("test.py", "")))
    shared_list: list[object] = [127, 128, -1, 1 << 70, -0.5, "text", b"bytes", "é", True, None, UNBOUND]
    process.globals = {
        "list": shared_list,
        "again": [shared_list, (shared_list, ((), 1)), slice(1, None, 2), range(3)],
        "sets": [SetValue({1: None}), SetValue({(2, "text"): None}, True)],
        "natives": [BUILTINS["len"], TYPES["str"].methods["join"], TYPES["ValueError"]],
        "half": SequenceIterator(shared_list, 3),
        "error": ExceptionValue(TYPES["KeyError"], ("key",)),
        "label": Object(TYPES["aici.Label"], {"#position": 5, "#bits": bytearray(b"\\1")}),
        "spec": ConstraintSpec("regex", ("a+",)),
    }
    data = state.write(process, shared(process.program))
    assert data is not None
    assert data.hex() == STATE
