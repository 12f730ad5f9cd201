import json
import re

text = """name: Ann, age: 30, mail: ann@example.org
name: Bob, age: 25, mail: bob@example.com
bad line
"""
people = []
for number, line in enumerate(text.splitlines(), 1):
    match = re.match(r"name: (\w+), age: (\d+), mail: (?P<mail>\S+)", line)
    if match is None:
        print("skip", number, repr(line))
        continue
    people.append({"name": match.group(1), "age": int(match[2]), "mail": match["mail"]})
print(json.dumps(people, indent=2, sort_keys=True))
print(json.loads('{"a": [1, 2.5, null, true, "x\\u00e9\\n"], "b": {}}'), json.dumps({"é": [1.0, None, True, (1, 2)]}, ensure_ascii=False))
print(re.findall(r"\b\w+@[\w.]+", text), re.sub(r"\d+", lambda m: str(int(m.group()) + 1), "a1 b22"), re.split(r"[,;]\s*", "a, b;c"))
print(re.search("(a)(b)?", "xa").groups(), re.fullmatch("a+", "aaa").span(), re.findall("(a)(b)", "abab"), re.escape("a.b"))
print([m.start() for m in re.finditer("a", "banana")], re.compile("b", re.IGNORECASE).search("aB").group(), re.sub("a", r"<\g<0>>", "aba", 1))
table = [("x", 1.5), ("long name", 22.25)]
width = max(len(n) for n, _ in table)
for n, v in table:
    print(f"{n:<{width}} | {v:>8.2f}")
print("-" * 20)
csv = "a,b\n1,2\n3,4"
header, *rows = [r.split(",") for r in csv.split("\n")]
print([dict(zip(header, map(int, r))) for r in rows])
words = re.findall(r"[a-z]+", "The cat, the dog. the END".lower())
print(sorted({w: words.count(w) for w in words}.items(), key=lambda p: (-p[1], p[0])))
print(" ".join(w.capitalize() for w in "hello big world".split()), "-".join(reversed("abc")), "snake_case_name".title().replace("_", ""))
print("a=1&b=2".split("&"), dict(p.split("=") for p in "a=1&b=2".split("&")), "tab\tsep".split("\t"), "x".join("abc"))
for bad in ('{"a": }', "[1,", "nope", '"\\x"'):
    try:
        json.loads(bad)
    except ValueError as e:
        print(type(e).__name__, e)
try:
    re.compile("(")
except re.error as e:
    print("re.error")
try:
    json.dumps({1, 2})
except TypeError as e:
    print(e)
