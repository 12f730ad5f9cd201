"""What a constraint and a further session hold in memory, by the size of a process that does nothing else.

Each engine is measured in a process of its own: `python -m maskbench.memory ENGINE VOCABULARY CASES`, where CASES is
JSON, the names of the patterns. It prints JSON.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from maskbench.ledger import Ledger
from maskbench.patterns import EVERYDAY
from maskbench.vocabularies import VOCABULARIES, Tokens

_SESSIONS = 1000
_SECONDS = 300


def memories(peers: Sequence[Any], vocabulary: str, cases: Sequence[str], ledger: Ledger) -> dict[str, dict[str, Any]]:
    """`memory_of` every engine."""
    return {
        peer.name: ledger.get(
            f"{vocabulary} memory {peer.name}", lambda peer=peer: memory_of(peer.name, vocabulary, cases)
        )
        for peer in peers
    }


def memory_of(engine: str, vocabulary: str, cases: Sequence[str]) -> dict[str, Any]:
    """Bytes a constraint (mean over the cases, each walked along its text) and a further session; or an error."""
    command = [sys.executable, "-m", "maskbench.memory", engine, vocabulary, json.dumps(list(cases))]
    path = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    try:
        environment = {**os.environ, "PYTHONPATH": path}
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return {"error": f"> {_SECONDS} s"}
    found: dict[str, Any] = json.loads(run.stdout) if run.returncode == 0 else {"error": run.stderr[-300:]}
    return found


def _resident() -> int:
    """Bytes of this process in memory, without what the C library holds for later (glibc's does, up to megabytes)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def _measure(peer: Any, tokens: Tokens, names: Sequence[str]) -> dict[str, float]:
    cases = [(case.pattern, tokens.encode(case.text)) for case in EVERYDAY if case.name in names]
    _walked(peer, r"[0-9]+x", [])  # what an engine makes on first use
    before = _resident()
    kept = [_walked(peer, *case) for case in cases]
    constraint = (_resident() - before) / len(kept)
    case = next(c for c in EVERYDAY if c.name == "json-nested")
    ids, made = tokens.encode(case.text), peer.compile(case.pattern)
    kept += [_session(peer, made, ids[: i % len(ids)]) for i in range(50)]
    before = _resident()
    kept += [_session(peer, made, ids[: i % len(ids)]) for i in range(_SESSIONS)]
    return {"constraint": round(constraint), "session": max(0, (_resident() - before) // _SESSIONS)}


def _walked(peer: Any, pattern: str, ids: list[int]) -> Any:
    constraint = peer.compile(pattern)
    return constraint, _session(peer, constraint, ids)


def _session(peer: Any, constraint: Any, ids: list[int]) -> Any:
    state = peer.start(constraint)
    for token in ids:
        peer.fill(state, 0)
        peer.advance(state, token)
    peer.fill(state, 0)
    return state


if __name__ == "__main__":
    from maskbench.peers import PEERS

    engine, vocabulary, cases = sys.argv[1:]
    tokens = VOCABULARIES[vocabulary]()
    print(json.dumps(_measure(PEERS[engine](tokens, 1), tokens, json.loads(cases))))
