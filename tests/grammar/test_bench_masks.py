"""The benchmark of masks runs to its end whatever a peer does: on a small vocabulary, with peers made up for it."""

from __future__ import annotations

import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`bench/masks.py` as a module, with a vocabulary of single characters."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    import masks
    from maskbench.vocabularies import Tokens

    texts = [*(bytes([byte]) for byte in range(0x20, 0x7F)), b"\n", b"ab", b"foo", b"12", b"\xc3", None]
    monkeypatch.setitem(masks.VOCABULARIES, "small", lambda: Tokens("small", tuple(texts), len(texts) - 1))
    yield masks
    for name in set(sys.modules) - before:
        if name == "masks" or name.startswith("maskbench"):
            del sys.modules[name]


def options(**given: Any) -> Namespace:
    known = {"vocabulary": "small", "engines": "aicic", "only": "email", "parts": "agreement", "repeats": 1, "limit": 5}
    return Namespace(**{**known, "json": None, "plot": None, "keep": None, **given})


def run(bench: Any, args: Namespace) -> Any:
    """What is saved at the end."""
    saved: list[Any] = []
    bench.run("small", args, saved.append)
    return saved[-1]


def test_alone(bench: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = run(bench, options(only="email,yes-no,nth-from-end-8", plot=tmp_path / "plot.svg"))
    text = capsys.readouterr().out
    assert "compile + first mask" in text and "embedded automaton" in text and "uncached mask" in text
    assert data["agreement"]["reference"]["masks that differ"] == {"email": 0, "yes-no": 0, "nth-from-end-8": 0}
    assert [bar["reached"] for bar in data["verdict"]] == [True, True] and json.dumps(data)
    assert ElementTree.parse(tmp_path / "plot.svg").getroot().tag.endswith("svg")


def test_peers_that_fail(bench: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One hangs, one dies, one refuses, one forgets its text, one cannot be had; the others' figures are all there."""

    class Twin(bench.PEERS["aicic"]):  # type: ignore[misc]
        embeds = False

    class Hanging(Twin):
        name = "hanging"

        def compile(self, pattern: str) -> Any:
            while "@" in pattern:
                pass
            return super().compile(pattern)

    class Dying(Twin):
        name = "dying"

        def compile(self, pattern: str) -> Any:
            if "@" in pattern:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().compile(pattern)

    class Refusing(Twin):
        name = "refusing"

        def compile(self, pattern: str) -> Any:
            raise ValueError("not this one")

    class Forgetful(Twin):
        name = "forgetful"

        def advance(self, state: Any, token: int) -> None:
            if chr(token + 32) == "@":
                raise ValueError("what was it?")
            super().advance(state, token)

    class Missing(Twin):
        name = "missing"

        def __init__(self, *_: Any) -> None:
            raise ImportError("no such package")

    kinds = (Hanging, Dying, Refusing, Forgetful, Missing)
    for kind in kinds:
        monkeypatch.setitem(bench.PEERS, kind.name, kind)
    names = ",".join(["aicic", *(kind.name for kind in kinds)])
    data = run(bench, options(engines=names, only="email,yes-no", limit=1))
    failures = data["failures"]
    assert failures["hanging"] == {"email": "> 1 s"} and "died" in failures["dying"]["email"]
    assert failures["refusing"].keys() == {"email", "yes-no"} and "what was it" in failures["forgetful"]["email"]
    assert "missing" not in failures and failures["aicic"] == {}
    shown = capsys.readouterr()
    assert "missing is left out" in shown.err and "failed: hanging email: > 1 s" in shown.out
    times = data["tables"]["everyday/compile"]
    assert times["hanging"]["max"] == 1e6 and times["aicic"]["max"] < 1e6
    compared = data["agreement"]
    assert set(compared["forgetful"]) == {"masks compared"}
    assert compared["forgetful"]["masks compared"]["email"] < compared["reference"]["masks compared"]["email"]


def test_what_is_tried_is_timed_as_finely_as_what_is_measured(bench: Any) -> None:
    """A limit of the processor's time would make the clock of trials tick."""
    from maskbench.clock import timed
    from maskbench.trial import attempt

    def counting() -> list[float]:
        return [timed(lambda: sum(range(3000)))[0] for _ in range(50)]

    assert sum(seconds > 0 for seconds in attempt(counting, 5)) == 50


def test_several_vocabularies_and_a_file(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "masks.py --vocabulary small,small --engines aicic --only yes-no --parts agreement --repeats 1"
    monkeypatch.setattr(sys, "argv", [*command.split(), "--json", str(tmp_path / "new" / "x.json")])
    bench.main()
    assert json.loads((tmp_path / "new" / "x.json").read_text())["small"]["vocabulary"] == "small"
    assert capsys.readouterr().out.count("vocabulary small") == 2


def test_a_run_that_is_cut_off_goes_on_where_it_was(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from maskbench import batch

    monkeypatch.setattr(batch, "SIZES", (1, 4))
    parts = "cold,agreement,batch"
    given = {"only": "email,yes-no", "parts": parts, "keep": tmp_path / "new" / "kept.jsonl", "engines": "aicic"}
    whole = run(bench, options(**given))
    lines = given["keep"].read_text().splitlines(keepends=True)
    names = [json.loads(line)[0] for line in lines[1:]]
    assert names[:4] == ["small trial aicic email", "small trial aicic yes-no", *(
        f"small measured {case}" for case in ("email", "yes-no"))] and "small batch 4" in names  # fmt: skip

    compiled = []
    kind = bench.PEERS["aicic"]

    class Counting(kind):  # type: ignore[misc, valid-type]
        def compile(self, pattern: str) -> Any:
            compiled.append(pattern)
            return super().compile(pattern)

    monkeypatch.setitem(bench.PEERS, "aicic", Counting)
    assert run(bench, options(**given)) == whole and not compiled  # masks, too: the agreement is counted again
    given["keep"].write_text("".join(lines[:-1]) + lines[-1][:20])  # cut off within a line
    again = run(bench, options(**given))
    assert again["batch"].keys() == whole["batch"].keys() and again["tables"] == whole["tables"]
    assert len(set(compiled)) == 1  # that of batches
    assert len(given["keep"].read_text().splitlines()) == len(lines)
    with pytest.raises(SystemExit, match="other sources, packages or options"):
        bench.run("small", options(**{**given, "repeats": 2}), print)


def test_differences_have_their_reasons(bench: Any) -> None:
    """What a peer does that its category says, and what no category says."""
    import numpy as np
    from maskbench import agreement
    from maskbench.measure import Samples
    from maskbench.patterns import Case

    tokens = bench.VOCABULARIES["small"]()
    ids = {data: i for i, data in enumerate(tokens.tokens)}

    def compared(case: Case, change: dict[bytes | None, bool]) -> dict[str, int]:
        ours, theirs = Samples(), Samples()
        reference = agreement.Reference(case.pattern, tokens)
        bits = reference.mask(reference.states([])[0])
        ours.masks[case.name] = [np.packbits(bits, bitorder="little")]
        for data, allowed in change.items():
            bits[ids[data]] = allowed
        theirs.masks[case.name] = [np.packbits(bits, bitorder="little")]
        counts = agreement.agreement({"aicic": ours, "peer": theirs}, [case], tokens, "aicic")["peer"]
        return {what: by_case[case.name] for what, by_case in counts.items() if what != "masks compared"}

    dots = Case("dots", ".*", "a")
    assert compared(dots, {b"\n": True}) == {"only they allow: newline": 1}
    assert compared(dots, {None: False}) == {"only we allow: end": 1}
    assert compared(dots, {b"a": False}) == {"only we allow: unexplained": 1}
    assert compared(Case("word", r"\w+", "a"), {b"\xc3": False}) == {"only we allow: half": 1}
    assert compared(Case("letters", r"\p{L}+", "p{L}"), {b"a": False}) == {"only we allow: literal": 1}
    assert compared(Case("past", "(ab)*", "ab"), {b"a": False}) == {"only we allow: past": 1}
    assert compared(Case("past", "(ab)*", "ab"), {b"a": False, b"ab": False}) == {"only we allow: unexplained": 2}
    assert compared(Case("first", "12|123", "12"), {b"12": True}) == {}
    assert compared(Case("first", "(a|b|ab)c?", "a"), {b"ab": False}) == {"only we allow: past": 1}
    forced = {b"f": False, b"foo": True}
    assert compared(Case("forced", "foo", "foo"), forced) == {"only we allow: forced": 1}
