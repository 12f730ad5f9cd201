"""Token masks side by side with peers, in one interleaved, single-threaded run.

    python bench/masks.py [--vocabulary deepseek] [--engines aicic,...] [--only NAME] [--json FILE] [--plot FILE]

For every pattern and engine, `--repeats` times in turn: compile and first mask; then, along the tokens of the pattern's
text, the mask at each step (uncached: the constraint is new), the same mask again, and the advance. An operation's time
is the lesser of wall and process CPU time, its figure the median of the repeats. Machines are shared: read the ratios.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from maskbench.patterns import EVERYDAY, STRESS, Case
from maskbench.peers import PEERS
from maskbench.vocabularies import VOCABULARIES, Tokens

METRICS = ("compile", "mask", "again", "advance", "mask_cold", "again_cold")
TITLES = {
    "compile": "compile + first mask",
    "mask": "uncached mask",
    "again": "repeated mask",
    "advance": "advance a token",
    "mask_cold": "uncached mask, CPU caches evicted",
    "again_cold": "repeated mask, CPU caches evicted",
}
BATCHES = (1, 4, 16, 64, 256, 1024)
_EVICT = np.zeros(96 << 20, np.uint8)


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call took (the lesser of wall and CPU), and its value."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = action()
    return min(time.perf_counter() - wall, time.process_time() - cpu), value


def timed_hot(action: Callable[[], Any], times: int = 16) -> float:
    """Seconds of one call out of many in a row: for what is quicker than the clock."""

    def many() -> None:
        for _ in range(times):
            action()

    return timed(many)[0] / times


@dataclass
class Samples:
    """Times of one engine: metric to case to one figure a step."""

    times: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    failures: dict[str, str] = field(default_factory=dict)
    masks: dict[str, list[np.ndarray[Any, Any]]] = field(default_factory=dict)


def walk(peer: Any, case: Case, ids: list[int], keep: bool) -> tuple[dict[str, list[float]], list[Any]]:
    """One repeat of one case on one engine: times by metric, and the masks where they are wanted. Two constraints are
    made: one is walked as it comes, the other with the CPU's caches evicted before every mask."""
    row, times, masks = peer.rows[0], defaultdict(list), []

    def first() -> Any:
        state = peer.start(peer.compile(case.pattern))
        peer.fill(state, 0)
        return state

    peer.forget()
    seconds, state = timed(first)
    times["compile"].append(seconds)
    for step, token in enumerate([*ids, None]):
        if step:
            times["mask"].append(timed(lambda state=state: peer.fill(state, 0))[0])
        if keep:
            masks.append(row.copy())
        times["again"].append(timed_hot(lambda state=state: peer.fill(state, 0)))
        if token is not None:
            times["advance"].append(timed(lambda state=state, token=token: peer.advance(state, token))[0])

    peer.forget()
    state = first()
    for token in ids:
        peer.advance(state, token)
        for metric in ("mask_cold", "again_cold"):
            _EVICT[::64] += 1
            times[metric].append(timed(lambda state=state: peer.fill(state, 0))[0])
    return times, masks


def ordeal(peer: Any, case: Case, ids: list[int], seconds: int = 20, room: int = 4 << 30) -> str | None:
    """Walk a stress case in a forked child first, which may die of it; what it died of, or None."""
    child = os.fork()
    if child == 0:
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (in_use + room, in_use + room))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.alarm(seconds)
        with suppress(BaseException):
            walk(peer, case, ids, keep=False)
        os._exit(0)  # an ordinary exception shows itself again in the parent
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        timeout = os.WTERMSIG(status) == signal.SIGALRM
        return f"over {seconds} s" if timeout else f"died; it has room for {room >> 30} GiB"
    return None


def measure(peers: list[Any], tokens: Tokens, cases: Iterable[Case], repeats: int) -> dict[str, Samples]:
    """Every case on every engine, interleaved."""
    found = {peer.name: Samples() for peer in peers}
    cases = list(cases)
    for number, case in enumerate(cases):
        print(f"\r{number + 1:3d}/{len(cases)} {case.name:24}", end="", file=sys.stderr, flush=True)
        ids = tokens.encode(case.text)
        runs: dict[str, list[dict[str, list[float]]]] = defaultdict(list)
        if case in STRESS:
            for peer in peers:
                if reason := ordeal(peer, case, ids):
                    found[peer.name].failures[case.name] = reason
        for repeat in range(repeats):
            for peer in peers:
                samples = found[peer.name]
                if case.name in samples.failures:
                    continue
                gc.collect()
                gc.disable()
                try:
                    times, masks = walk(peer, case, ids, keep=repeat == 0)
                    runs[peer.name].append(times)
                    if repeat == 0:
                        samples.masks[case.name] = masks
                except Exception as error:
                    samples.failures[case.name] = f"{type(error).__name__}: {str(error)[:160]}"
                finally:
                    gc.enable()
        for name, repeated in runs.items():
            if case.name in found[name].failures:
                continue
            for metric in METRICS:
                columns = zip(*(times[metric] for times in repeated), strict=True)
                found[name].times[metric][case.name] = [statistics.median(column) for column in columns]
    print(file=sys.stderr)
    return found


def summary(times: dict[str, list[float]], only: set[str] | None = None) -> dict[str, float]:
    """Mean, median, p99 and maximum in microseconds over all steps of all cases."""
    flat = [t * 1e6 for case, steps in times.items() if only is None or case in only for t in steps]
    if not flat:
        return {}
    return {
        "mean": statistics.fmean(flat),
        "p50": float(np.percentile(flat, 50)),
        "p99": float(np.percentile(flat, 99)),
        "max": max(flat),
    }


def agreement(found: dict[str, Samples], tokens: Tokens, ours: str = "aicic") -> dict[str, dict[str, int]]:
    """Tokens whose bit differs from ours, counted by category, for every other engine."""
    result: dict[str, dict[str, int]] = {}
    for name, samples in found.items():
        if name == ours or ours not in found:
            continue
        counts: dict[str, int] = defaultdict(int)
        for case, masks in samples.masks.items():
            for mine, theirs in zip(found[ours].masks.get(case, []), masks, strict=False):
                counts["masks compared"] += 1
                bits = np.unpackbits((mine ^ theirs).view(np.uint8), bitorder="little")[: len(tokens.tokens)]
                allowed = np.unpackbits(mine.view(np.uint8), bitorder="little")
                for token in np.flatnonzero(bits):
                    counts[_category(tokens, int(token), bool(allowed[token]))] += 1
        result[name] = dict(counts)
    return result


def _category(tokens: Tokens, token: int, ours: bool) -> str:
    data = tokens.tokens[token]
    who = "only we allow" if ours else "only they allow"
    if token == tokens.eos:
        return f"{who}: end of sequence"
    if data is None:
        return f"{who}: special token"
    try:
        data.decode()
    except UnicodeDecodeError:
        return f"{who}: token that is no whole UTF-8"
    return f"{who}: text token"


def batches(peers: list[Any], tokens: Tokens, repeats: int) -> dict[str, dict[int, float]]:
    """Microseconds a sequence for a step (mask of each, then advance of each) of sequences of one constraint."""
    case = next(c for c in EVERYDAY if c.name == "json-nested")
    ids = tokens.encode(case.text)
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(repeats):
        for size in BATCHES:
            for peer in peers:
                try:
                    constraint = peer.compile(case.pattern)
                    states = [peer.start(constraint) for _ in range(size)]
                    for i, state in enumerate(states):
                        for token in ids[: i % len(ids)]:
                            peer.advance(state, token)
                    peer.fill_batch(states)
                    seconds = min(timed(lambda peer=peer, states=states: peer.fill_batch(states))[0] for _ in range(5))
                    found[peer.name][size].append(seconds / size * 1e6)
                except Exception as error:
                    print(f"batch of {size} on {peer.name}: {error}", file=sys.stderr)
    return {name: {size: statistics.median(t) for size, t in sizes.items()} for name, sizes in found.items()}


def report(found: dict[str, Samples], names: list[str]) -> dict[str, Any]:
    """Print the tables of figures and ratios; return them as data."""
    data: dict[str, Any] = {}
    for group, cases in (("everyday", EVERYDAY), ("stress", STRESS)):
        only = {c.name for c in cases}
        print(f"\n{group}: {len(only)} patterns; microseconds, ratio to aicic in brackets")
        for metric in METRICS:
            rows = {name: summary(found[name].times[metric], only) for name in names}
            data[f"{group}/{metric}"] = rows
            print(f"  {TITLES[metric]}")
            base = rows.get("aicic", {})
            for name, row in rows.items():
                cells = (f"{k} {v:10.1f} [{v / base[k]:7.1f}]" if base else f"{k} {v:10.1f}" for k, v in row.items())
                print(f"    {name:14}", "  ".join(cells) or "no pattern compiled")
    for name in names:
        for case, reason in found[name].failures.items():
            print(f"  failed: {name} {case}: {reason}")
    data["failures"] = {name: found[name].failures for name in names}
    return data


def per_case(found: dict[str, Samples], names: list[str]) -> dict[str, Any]:
    """Compile + first mask and worst mask of each case, in microseconds."""
    cases = [*EVERYDAY, *STRESS]
    return {
        case.name: {
            name: {
                metric: max(found[name].times[metric][case.name]) * 1e6
                for metric in METRICS
                if found[name].times[metric].get(case.name)
            }
            for name in names
        }
        for case in cases
    }


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def memory(peer: Any, tokens: Tokens, sessions: int = 1000) -> dict[str, float]:
    """Bytes a constraint (mean over the everyday patterns, each walked along its text) and a further session (walked
    to a spread of positions), by the process's resident size."""
    warm = peer.compile(r"[0-9]+x")
    peer.fill(peer.start(warm), 0)
    texts = [tokens.encode(case.text) for case in EVERYDAY]  # the tokenizer makes tables on first use
    gc.collect()
    before, kept = resident(), []
    for case, ids in zip(EVERYDAY, texts, strict=True):
        constraint = peer.compile(case.pattern)
        state = peer.start(constraint)
        for token in ids:
            peer.fill(state, 0)
            peer.advance(state, token)
        kept.append((constraint, state))
    gc.collect()
    constraints = (resident() - before) / len(kept)
    case = next(c for c in EVERYDAY if c.name == "json-nested")
    ids = tokens.encode(case.text)
    constraint = peer.compile(case.pattern)
    spread = []
    for i in range(sessions + 50):
        if i == 50:
            gc.collect()
            before = resident()
        state = peer.start(constraint)
        for token in ids[: i % len(ids)]:
            peer.fill(state, 0)
            peer.advance(state, token)
        peer.fill(state, 0)
        spread.append(state)
    gc.collect()
    return {"constraint": round(constraints), "session": max(0, (resident() - before) // sessions)}


def in_child(arguments: list[str]) -> Any:
    """Run this file again for one engine, so that memory figures do not mix; its JSON output."""
    import subprocess

    run = subprocess.run([sys.executable, __file__, *arguments], capture_output=True, text=True, check=False)
    return json.loads(run.stdout) if run.returncode == 0 else {"error": run.stderr[-300:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", choices=sorted(VOCABULARIES), default="deepseek")
    parser.add_argument("--engines", default=",".join(PEERS))
    parser.add_argument("--only", help="patterns whose name holds this")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="SVG or PNG; needs matplotlib")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    tokens = VOCABULARIES[args.vocabulary]()
    if args.memory_of:
        print(json.dumps(memory(PEERS[args.memory_of](tokens, 1), tokens)))
        return

    names = args.engines.split(",")
    peers = [PEERS[name](tokens, max(BATCHES)) for name in names]
    cases = [c for c in (*EVERYDAY, *STRESS) if not args.only or args.only in c.name]
    for peer in peers:
        walk(peer, Case("warm", r"[a-z]+ [0-9]+", "ab 12"), tokens.encode("ab 12"), keep=False)
    found = measure(peers, tokens, cases, args.repeats)
    print(f"vocabulary {tokens.name}: {len(tokens.tokens)} tokens")
    data = report(found, names)
    data["cases"] = per_case(found, names)
    data["agreement"] = agreement(found, tokens)
    for name, counts in data["agreement"].items():
        print(f"  agreement with {name}: {counts}")
    if not args.only:
        data["batch"] = batches(peers, tokens, args.repeats)
        for name, sizes in data["batch"].items():
            print(f"  batch, µs a sequence: {name:14}", "  ".join(f"{s}: {t:8.2f}" for s, t in sizes.items()))
        data["memory"] = {n: in_child(["--vocabulary", args.vocabulary, "--memory-of", n]) for n in names}
        for name, sizes in data["memory"].items():
            print(
                f"  memory, bytes: {name:14}", "  ".join(f"a {k}: {v:,.0f}" for k, v in sizes.items() if k != "error")
            )
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"vocabulary": tokens.name, **data}, indent=1))
    if args.plot:
        from maskbench.plot import draw

        draw(found, names, tokens.name, args.plot)


if __name__ == "__main__":
    main()
