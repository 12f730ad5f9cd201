def primes(n):
    sieve = [True] * (n + 1)
    sieve[0] = sieve[1] = False
    for i in range(2, int(n**0.5) + 1):
        if sieve[i]:
            sieve[i * i :: i] = [False] * len(sieve[i * i :: i])
    return [i for i, p in enumerate(sieve) if p]


print(primes(60))


def quicksort(xs):
    if len(xs) < 2:
        return xs
    pivot, *rest = xs
    return quicksort([x for x in rest if x < pivot]) + [pivot] + quicksort([x for x in rest if x >= pivot])


print(quicksort([3, 6, 1, 8, 2, 9, 2]))


def permutations(items):
    if not items:
        return [[]]
    return [[x, *p] for i, x in enumerate(items) for p in permutations(items[:i] + items[i + 1 :])]


print(len(permutations([1, 2, 3, 4])), permutations("abc")[:3])


def memoize(f):
    cache = {}

    def inner(*args):
        if args not in cache:
            cache[args] = f(*args)
        return cache[args]

    return inner


fib = memoize(lambda n: n if n < 2 else fib(n - 1) + fib(n - 2))
print(fib(60))


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


print(gcd(1071, 462), [gcd(12, k) for k in range(1, 7)])


def hanoi(n, a="A", b="B", c="C"):
    if n == 0:
        return 0
    return hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a)


print(hanoi(6))


def roman(n):
    out = ""
    for value, digit in [(1000, "M"), (900, "CM"), (500, "D"), (100, "C"), (90, "XC"), (50, "L"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        while n >= value:
            out += digit
            n -= value
    return out


print([roman(n) for n in (4, 9, 14, 1994)])


def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


print(levenshtein("kitten", "sitting"))
graph = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}


def bfs(start):
    seen, queue, order = {start}, [start], []
    while queue:
        node = queue.pop(0)
        order.append(node)
        for other in graph[node]:
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return order


print(bfs("a"))


def parse(tokens):
    def expr():
        value = term()
        while tokens and tokens[0] in "+-":
            op = tokens.pop(0)
            value = value + term() if op == "+" else value - term()
        return value

    def term():
        value = factor()
        while tokens and tokens[0] in "*/":
            op = tokens.pop(0)
            value = value * factor() if op == "*" else value / factor()
        return value

    def factor():
        token = tokens.pop(0)
        if token == "(":
            value = expr()
            assert tokens.pop(0) == ")"
            return value
        return int(token)

    return expr()


print(parse(list("2*(3+4)-8/4")))
matrix = [[1, 2, 3], [4, 5, 6]]
print([[row[i] for row in matrix] for i in range(3)], [sum(r) for r in matrix], [list(c) for c in zip(*matrix)])
text = "the quick brown fox jumps over the lazy dog the end"
words = {}
for w in text.split():
    words.setdefault(len(w), []).append(w)
print({k: sorted(set(v)) for k, v in sorted(words.items())})
print("".join(chr((ord(c) - 97 + 13) % 26 + 97) if c.isalpha() else c for c in text))
collatz = lambda n: [n] if n == 1 else [n, *collatz(n // 2 if n % 2 == 0 else 3 * n + 1)]
print(collatz(7))
print(sum(int(d) for d in str(2**100)), bin(10**6).count("1"), f"{0.1 + 0.2:.20f}")
pascal = [[1]]
for _ in range(5):
    last = pascal[-1]
    pascal.append([1, *(a + b for a, b in zip(last, last[1:])), 1])
print(pascal)


def binary_search(xs, x):
    lo, hi = 0, len(xs)
    while lo < hi:
        mid = (lo + hi) // 2
        if xs[mid] < x:
            lo = mid + 1
        else:
            hi = mid
    return lo if lo < len(xs) and xs[lo] == x else None


print([binary_search([1, 3, 5, 7], k) for k in range(9)])


def flatten(x):
    return [z for y in x for z in (flatten(y) if isinstance(y, list) else [y])]


print(flatten([1, [2, [3, [4]], 5]]))
