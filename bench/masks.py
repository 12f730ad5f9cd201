"""Token masks side by side with peers, in one interleaved, single-threaded run.

    python bench/masks.py [--vocabulary deepseek,smollm2,tekken] [--engines aicic,llguidance,...]
                          [--only email,stress,...] [--limit 30] [--keep FILE] [--json FILE] [--plot FILE.svg]

Every engine tries every case in a child process first, which is killed after `--limit` seconds of the processor; what
took more than two seconds to compile is not measured again. All else is measured `--repeats` times in one process, the
engines in turn: compile and first mask; then, along the tokens of the pattern's text, the mask at each step, the same
mask again, and the advance. A time is the lesser of wall and process CPU time, its figure the median of the repeats.
Machines are shared: read the ratios. It ends with the bars and what was reached.

A vocabulary takes about ten minutes and 5 GB. With `--keep`, results are on file as they come: a run that is cut off
goes on where it was if it is started again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

from maskbench import report
from maskbench.agreement import agreement
from maskbench.batch import SIZES, batches
from maskbench.ledger import Ledger
from maskbench.measure import measure, measure_cold
from maskbench.memory import memories
from maskbench.patterns import EVERYDAY, STRESS, Case
from maskbench.peers import PEERS
from maskbench.plot import draw
from maskbench.verdict import OURS, bars, verdict
from maskbench.vocabularies import VOCABULARIES, Tokens

PARTS = ("cold", "agreement", "batch", "memory")
"""What can be left out."""


def chosen(only: str | None) -> list[Case]:
    """The cases whose name holds one of the words; `everyday` and `stress` stand for the sets."""
    cases = [*EVERYDAY, *STRESS]
    if not only:
        return cases
    sets = {"everyday": EVERYDAY, "stress": STRESS}
    words = only.split(",")
    return [c for c in cases if any(c in sets[word] if word in sets else word in c.name for word in words)]


def bound(names: Sequence[str], tokens: Tokens) -> list[Any]:
    """The engines over a vocabulary; those that cannot be had are named and left out."""
    peers = []
    for name in names:
        try:
            peers.append(PEERS[name](tokens, max(SIZES)))
        except Exception as error:
            print(f"  {name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
    return peers


def run(vocabulary: str, args: argparse.Namespace, save: Callable[[dict[str, Any]], None]) -> None:
    """Measure and print everything over one vocabulary; what there is after each part is saved. A part that fails is
    reported, and the rest goes on."""
    tokens = VOCABULARIES[vocabulary]()
    print(f"\nvocabulary {tokens.name}: {len(tokens.tokens):,} tokens", flush=True)
    parts = args.parts.split(",") if args.parts else []
    options = {"engines": args.engines, "only": args.only, "repeats": args.repeats, "limit": args.limit}
    ledger = Ledger(args.keep, options)
    peers = bound(args.engines.split(","), tokens)
    cases = chosen(args.only)
    data: dict[str, Any] = {"vocabulary": tokens.name}

    def part(name: str, work: Callable[[], Any]) -> Any:
        if name not in PARTS or name in parts:
            try:
                data[name] = work()
                save(data)
            except Exception:
                print(f"{name} failed:\n{traceback.format_exc()}", file=sys.stderr)
            sys.stdout.flush()
        return data.get(name)

    found = measure(peers, tokens, cases, args.repeats, args.limit, ledger)
    part("cold", lambda: measure_cold(peers, tokens, cases, ledger, found))
    part("failures", lambda: report.failures(found))
    part("tables", lambda: report.tables(found, cases))
    report.stress(found, cases)
    part("cases", lambda: report.by_case(found, cases))
    if OURS in found and part("agreement", lambda: agreement(found, cases, tokens, OURS)):
        report.agreements(data["agreement"])
    if part("batch", lambda: batches(peers, tokens, args.repeats, ledger)):
        report.batch_table(data["batch"])
    common = [c.name for c in cases if c in EVERYDAY and not any(c.name in s.failures for s in found.values())]
    if common and part("memory", lambda: memories(peers, vocabulary, common, ledger)):
        report.memory_table(data["memory"])
    part("verdict", lambda: verdict(bars(found, cases, data)))
    if args.plot:
        path = args.plot if "," not in args.vocabulary else args.plot.with_stem(f"{args.plot.stem}-{vocabulary}")
        part("plot", lambda: draw(found, data.get("batch"), tokens.name, path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", default="deepseek", help=f"of {', '.join(VOCABULARIES)}; several with commas")
    parser.add_argument("--engines", default=",".join(PEERS))
    parser.add_argument("--only", help="patterns whose names hold one of these words; everyday, stress")
    parser.add_argument("--parts", default=",".join(PARTS), help="of cold, agreement, batch, memory; '' for none")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=int, default=30, help="seconds that an engine has for a case")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep results in this file as they come, and go on")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="SVG; of several vocabularies one file each")
    args = parser.parse_args()
    data: dict[str, Any] = {}

    def save(vocabulary: str, found: dict[str, Any]) -> None:
        data[vocabulary] = found
        if args.json:
            args.json.parent.mkdir(parents=True, exist_ok=True)
            args.json.write_text(json.dumps(data, indent=1))

    for vocabulary in args.vocabulary.split(","):
        run(vocabulary, args, lambda found, name=vocabulary: save(name, found))


if __name__ == "__main__":
    main()
