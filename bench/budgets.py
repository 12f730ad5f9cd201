"""How long it takes to find out how many tokens large patterns need.

    python bench/budgets.py [deepseek|smollm2|tekken]

Prints, per pattern, the least number of tokens, milliseconds for the words into which it turns the vocabulary, for the
distances of all its positions, and for a mask near the end (the first one, and the median of ten).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from maskbench.vocabularies import VOCABULARIES

from aici.grammar.lazy import compile_lazily
from aici.grammar.lazy_constraint import LazyMatcher
from aici.grammar.vocabulary import Vocabulary

PATTERNS = (
    r".{0,5000}foo.{0,5000}",
    r"\w{1,255}",
    r"[a-z]{150,200}",
    r"(a|b)*a(a|b){30}",
    r"[a-z]{5000}",
    r"\w{2000,3000}!",
    r"(\w{1,20} ){20,50}",
    r"(([a-z]{1,8} ){1,8}\n){8}",
    "".join(f"({c}x)?" for c in "abcdefghijklmnopqrstuvwxyz") + "!",
    r"\[" + ", ".join([r'"[^"\\\n]{10,40}"'] * 20) + r"\]",
    r"(.{20,50}x){150,300}",
)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = perf_counter()
    return call(), 1e3 * (perf_counter() - start)


def main() -> None:
    tokens = VOCABULARIES[(sys.argv[1:] or ["deepseek"])[0]]()
    vocabulary = Vocabulary(tokens.tokens, [tokens.eos])
    warm = LazyMatcher(compile_lazily("[ab]{9}é"), vocabulary)
    warm.budget.mask(warm.start, 2)
    print(f"{'pattern':36} {'least':>6} {'words':>8} {'layers':>8} {'mask':>8} {'median':>8}")
    for pattern in PATTERNS:
        matcher = LazyMatcher(compile_lazily(pattern), vocabulary)
        matcher.mask(matcher.start)
        budget = matcher.budget
        _, words = timed(lambda budget=budget: budget._spelled)
        least, layers = timed(lambda budget=budget, matcher=matcher: budget.least(matcher.start))
        masks = []
        for left in range(max(least, 1), least + 10):
            budget._worst.clear()
            masks.append(timed(lambda b=budget, m=matcher, left=left: b.mask(m.start, left))[1])
        print(f"{pattern[:36]:36} {least:6} {words:8.2f} {layers:8.2f} {masks[0]:8.2f} {statistics.median(masks):8.2f}")


if __name__ == "__main__":
    main()
