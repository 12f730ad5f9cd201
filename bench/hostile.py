"""Hostile patterns: each works or is refused with its reason, within bounds of time and memory.

    python bench/hostile.py [--count 100000] [--seed 1] [--vocabulary deepseek] [--json FILE]

Patterns are drawn from what makes automata large or slow, and from what is wrong: nested counts, alternatives with
common prefixes, classes beyond ASCII, huge ranges, deep groups, `.{0,5000}x.{0,5000}`, exponential look-alikes, broken
syntax, random characters. Each is compiled as a host compiles it and followed for some tokens, with a mask at each;
some bits of the masks are compared with what following the token says. Where `re` takes the pattern as well, both
have to say the same of some texts (short ones, since `re` backtracks). A pattern fails if it takes more than
`--seconds` of CPU, raises anything but a RegexError with a message, or disagrees. The process may not grow past
`--megabytes`. Exit code 1 if anything failed. The vocabulary "bytes" needs no package.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import re
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from maskbench.vocabularies import VOCABULARIES, Tokens
from numpy.typing import NDArray

from aici.grammar.errors import RegexError, RegexLimitError
from aici.grammar.lazy import compile_automaton
from aici.grammar.lazy_constraint import AnyMatcher, matcher_for
from aici.grammar.vocabulary import Vocabulary

warnings.filterwarnings("ignore", category=FutureWarning)

CLASSES = ["[a-z]", "[^a]", "\\w", "\\d", "\\s", "\\W", ".", "[\\w.-]", "[^\\s]", "[A-Za-z0-9_]", '[^"\\\\]', "[ab]"]
BEYOND = ["\\p{L}", "\\p{Lu}", "\\P{N}", "[\\p{L}\\p{N}]", "[À-ÿ]", "[一-龥]", "[\\u0100-\\uffff]", "é", "日", "😀"]
BEYOND += ["[^\\p{L}]", "[\\U00010000-\\U0010ffff]", "[α-ω]", "(?i:σ)", "(?i:[à-ü])", "(?i:k)"]
WRONG = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "*",
    "+",
    "?",
    "|",
    "\\",
    "^",
    "$",
    "(?",
    "(?=a)",
    "(?<!b)",
    "\\1",
    "\\b",
    "(?P<n>",
]
WRONG += [
    "{2,1}",
    "[z-a]",
    "[^\\s\\S]",
    "\\x4",
    "\\uD800",
    "\\p{Foo}",
    "a**",
    "(?i)",
    "{99999999999}",
    "[a",
    "(?x) # ",
    "\\",
]
ALPHABET = "ab0 -_xyz\né日"


class Draw:
    """Patterns of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.kinds: list[Callable[[], str]] = [
            *(self.nested, self.prefixes, self.beyond, self.wide, self.deep, self.context, self.exponential),
            *(self.broken, self.noise, self.optional, self.literal, self.product),
        ]

    def pattern(self) -> tuple[str, str]:
        """A kind and a pattern of it."""
        kind = self.random.choice(self.kinds)
        return kind.__name__, kind()

    def number(self) -> int:
        """Mostly small, sometimes huge."""
        return int(10 ** self.random.uniform(0, self.random.choice([1, 2, 3, 4])))

    def count(self) -> str:
        n = self.number()
        return self.random.choice(
            ["*", "+", "?", f"{{{n}}}", f"{{{n},}}", f"{{,{n}}}", f"{{1,{n}}}", f"{{{n},{2 * n}}}"]
        )

    def piece(self) -> str:
        r = self.random
        return r.choice([r.choice(CLASSES), r.choice(CLASSES), r.choice(BEYOND), r.choice(ALPHABET), "foo", "(a|b)"])

    def nested(self) -> str:
        whole = self.piece()
        for _ in range(self.random.randint(1, 4)):
            whole = f"({whole}{self.piece()}){self.count()}"
        return whole

    def prefixes(self) -> str:
        r, stem = self.random, self.piece() * self.random.randint(1, 4)
        return "|".join(f"{stem}{r.randint(0, 999)}{self.piece()}{self.count()}" for _ in range(r.randint(2, 80)))

    def beyond(self) -> str:
        r = self.random
        return "".join(r.choice(BEYOND) + self.count() for _ in range(r.randint(1, 8)))

    def wide(self) -> str:
        return f"{self.piece()}{{{self.number()},{10 * self.number() + 10_000}}}{self.piece()}"

    def deep(self) -> str:
        n = self.random.choice([10, 60, 61, 500, 999, 1001, 5000])
        return "(" * n + self.piece() + f"){self.count()}" * n if n < 100 else "(?:" * n + self.piece() + ")" * n

    def context(self) -> str:
        n, m = self.number(), self.number()
        r = self.random
        return f"{r.choice(CLASSES)}{{0,{n}}}{r.choice(['foo', 'x', 'a', '日'])}{r.choice(CLASSES)}{{0,{m}}}"

    def exponential(self) -> str:
        n = self.number()
        return self.random.choice(
            [
                f"(a|b)*a(a|b){{{n}}}",
                f"(a*)*b{{{n}}}",
                f"(a|a)*{{0,{n}}}b",
                f"(a|aa)+{self.piece()}",
                f"(.*)(.*)(.*){self.piece()}{{{n}}}",
                f"(x+x+)+y{{{n}}}",
                f".*{self.piece()}.{{{n}}}{self.piece()}.*",
                f"([ab]{{1,{n}}}c){{1,{n}}}",
                f"(a?){{{n}}}a{{{n}}}",
            ]
        )

    def broken(self) -> str:
        r = self.random
        return "".join(r.choice([r.choice(WRONG), self.piece(), self.count()]) for _ in range(r.randint(1, 12)))

    def noise(self) -> str:
        r = self.random
        characters = [
            chr(r.choice([r.randint(0, 127), r.randint(0, 0x2FF), r.randint(0, 0x10FFFF)])) for _ in range(30)
        ]
        return "".join(characters[: r.randint(0, 30)])

    def optional(self) -> str:
        return "".join(f"({self.piece()}{self.piece()})?" for _ in range(self.number() % 300))

    def literal(self) -> str:
        words = ("".join(self.random.choices(ALPHABET, k=self.number() % 40)) for _ in range(self.number() % 2000))
        return "|".join(words)

    def product(self) -> str:
        return "".join(f"{self.piece()}{self.count()}" for _ in range(self.random.randint(1, 12)))


def follow(matcher: AnyMatcher, r: random.Random, out: NDArray[np.uint32]) -> str | None:
    """What is wrong with the masks along some tokens, or None. Raises RegexLimitError, which is not wrong."""
    state = matcher.start
    for _ in range(4):
        matcher.fill(state, out)
        allowed = np.flatnonzero(np.unpackbits(out.view(np.uint8), bitorder="little"))
        ends = set(matcher.vocabulary.eos_ids)
        for token in (*r.choices(range(matcher.vocabulary.n_tokens), k=12), *r.choices(allowed.tolist(), k=4)):
            bit = bool(out[token >> 5] >> (token & 31) & 1)
            if token not in ends and bit != bool(matcher.advance(state, token)):
                return f"token {token} in state {state} should {'not ' * bit}be allowed"
        state = matcher.advance(state, r.choice(allowed.tolist()))
        if not state:
            break
    return None


class _TooSlow(Exception):
    pass


def agrees(pattern: str, matcher: AnyMatcher, r: random.Random) -> str | None:
    """What is wrong with an automaton by `re`'s word on some texts; None if nothing is, or `re` cannot say."""
    texts = ["", *("".join(r.choices(ALPHABET, k=r.randint(1, 7))) for _ in range(6))]
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            expected = [re.fullmatch(pattern, text) is not None for text in texts]
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (re.error, OverflowError, RecursionError, MemoryError, _TooSlow):
        return None
    for text, wanted in zip(texts, expected, strict=True):
        state = matcher.advance_bytes(matcher.start, text.encode())
        if (bool(state) and matcher.can_end(state)) != wanted:
            return f"{text!r} should {'' if wanted else 'not '}match"
    return None


def _too_slow(*_: object) -> None:
    raise _TooSlow


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def all_bytes() -> Tokens:
    """Every byte, and some longer tokens."""
    longer = [b"foo", b"ab", b"a" * 9, b"  ", "日本".encode(), "é".encode(), b"x\n", b"\xa9z"]
    return Tokens("bytes", (*(bytes([i]) for i in range(256)), *longer, None), 256 + len(longer))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vocabulary", choices=["bytes", *sorted(VOCABULARIES)], default="deepseek")
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU time of one pattern")
    parser.add_argument("--megabytes", type=float, default=2048, help="of the process at its peak")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    tokens = all_bytes() if args.vocabulary == "bytes" else VOCABULARIES[args.vocabulary]()
    vocabulary = Vocabulary(list(tokens.tokens), [tokens.eos], len(tokens.tokens))
    matcher_for(compile_automaton("[a-z]+"), vocabulary).mask(1)
    signal.signal(signal.SIGALRM, _too_slow)
    draw, checks = Draw(args.seed), random.Random(args.seed)
    before, out = peak_megabytes(), np.zeros(vocabulary.n_words, np.uint32)
    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    slowest: list[tuple[float, str]] = []
    failures: list[str] = []
    begun = time.process_time()
    for i in range(args.count):
        kind, pattern = draw.pattern()
        start = time.process_time()
        try:
            matcher = matcher_for(compile_automaton(pattern), vocabulary)
            wrong = follow(matcher, checks, out)
            outcome = "lazy" if "Lazy" in type(matcher).__name__ else "eager"
        except RegexError as error:
            matcher, wrong, outcome = None, None, "too large" if isinstance(error, RegexLimitError) else "wrong"
            reasons[re.sub("[0-9,]+", "N", error.message)[:60]] += 1
            if not error.message:
                failures.append(f"{pattern!r}: no reason")
        except Exception as error:
            matcher, wrong, outcome = None, f"{type(error).__name__}: {str(error)[:200]}", "failed"
        seconds = time.process_time() - start
        if wrong := wrong or (matcher and agrees(pattern, matcher, checks)):
            failures.append(f"{pattern[:200]!r}: {wrong}")
        outcomes[f"{kind}: {outcome}"] += 1
        slowest = sorted([*slowest, (seconds, f"{outcome} {pattern[:100]!r}")], reverse=True)[:5]
        if seconds > args.seconds:
            failures.append(f"{pattern[:200]!r}: {seconds:.2f} s")
        if i % 1000 == 999:
            gc.collect()
            print(f"\r{i + 1:,} {time.process_time() - begun:.0f} s {peak_megabytes():.0f} MB", end="", file=sys.stderr)
    if peak_megabytes() > args.megabytes:
        failures.append(f"{peak_megabytes():.0f} MB at the peak")
    data = {
        "count": args.count,
        "seed": args.seed,
        "cpu seconds": round(time.process_time() - begun, 1),
        "megabytes before": round(before),
        "megabytes at the peak": round(peak_megabytes()),
        "slowest": [(round(s, 3), what) for s, what in slowest],
        "outcomes": dict(sorted(outcomes.items())),
        "reasons": dict(reasons.most_common(40)),
        "failures": failures[:50],
        "failed": len(failures),
    }
    text = json.dumps(data, indent=1, ensure_ascii=False)
    print(f"\n{text}")
    if args.json:
        args.json.write_text(text)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
