"""The programs of the benchmark of the VM, by the names of their lines."""

from __future__ import annotations

PROGRAMS = {
    "while loop, in a function": """
def loop(n):
    i = 0
    total = 0
    while i < n:
        total += i
        i += 1
    return total
loop(1000000)
""",
    "while loop, in the module": """
i = 0
total = 0
while i < 1000000:
    total += i
    i += 1
""",
    "for loop over a range": """
def loop(n):
    total = 0
    for i in range(n):
        total += i * 2
    return total
loop(1000000)
""",
    "fib(24)": """
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
fib(24)
""",
    "dict and str": """
def count(n):
    words = ["alpha", "beta", "gamma", "delta"]
    counts = {}
    for i in range(n):
        word = words[i % 4] + str(i % 100)
        if word in counts:
            counts[word] = counts[word] + 1
        else:
            counts[word] = 1
    return len(counts)
count(100000)
""",
    "list building and sorting": """
def build(n):
    items = []
    x = 12345
    for i in range(n):
        x = (x * 1103 + 12345) % 65536
        items.append(x)
    squares = [y * y for y in items if y % 2 == 0]
    return sorted(items)[0] + sorted(squares)[-1]
build(200000)
""",
    "string formatting": """
def show(n):
    lines = []
    for i in range(n):
        lines.append(f"{i}: {i * 2} of {n}")
    return len("\\n".join(lines))
show(100000)
""",
    "exceptions": """
def attempt(n):
    caught = 0
    for i in range(n):
        try:
            raise ValueError("no")
        except ValueError:
            caught += 1
    return caught
attempt(30000)
""",
    "exceptions of callees and natives": """
def number(text):
    if text == "":
        raise ValueError("empty")
    return int(text)
def parse(n):
    words = ["12", "x", "7", "", "100"]
    total = 0
    bad = 0
    for i in range(n):
        try:
            total += number(words[i % 5])
        except ValueError:
            bad += 1
    return total + bad
parse(30000)
""",
    "await of small functions": """
async def step(i):
    return i + 1
async def main():
    i = 0
    while i < 30000:
        i = await step(i)
""",
}
"""Sources, by the names of their lines. `main` is awaited where there is one."""

TRIVIAL = "x = 1\nprint(x + 1)\n"
"""From nothing to its end."""

WAITING = """
async def main():
    names = ["a", "b", "c"]
    for name in names:
        await {wait}(name)
"""
"""From nothing to its first request, which `{wait}` makes; then the state of which a snapshot is taken."""

_BLOCK = """\
def f{number}(a, b=2):
    total = 0
    for i in range(a):
        if i % b == 0:
            total += i
        else:
            total -= f"{{i}}".count("1")
    items = [x * 2 for x in range(a)]
    return {{'total': total, 'items': items}}

"""
LONG = "".join(_BLOCK.format(number=number) for number in range(100))
"""1,000 lines that define functions."""


def with_main(source: str, start: str) -> str:
    """The source, and how an engine awaits its `main` where there is one."""
    return source + start if "async def main" in source else source
