"""What the mask benchmark asks of every engine: a pattern and a text that it matches, fed token by token.

The everyday set is what controller authors write; the stress set is what breaks engines. Only syntax that Python's
`re`, Rust's regex crate, XGrammar and Lark share is used, so that every peer compiles the same string.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`text` matches `pattern`, or is a live prefix of a match when `prefix_only`."""

    name: str
    pattern: str
    text: str
    prefix_only: bool = False


_ADJECTIVES = (
    "small large red green blue old young quick slow warm cold bright dark soft hard new plain rich poor calm".split()
)
_NOUNS = (
    "river house garden table window bridge market forest letter engine village summer winter teacher doctor".split()
)


def _words(n: int) -> list[str]:
    """`n` distinct two- and three-part identifiers in a fixed order."""
    pairs = [f"{a}_{b}" for a in _ADJECTIVES for b in _NOUNS]
    triples = [f"{a}_{p}" for a in _ADJECTIVES for p in pairs]
    return (pairs + triples)[:n]


def _one_of(n: int) -> Case:
    words = _words(n)
    return Case(f"words-{n}", "(" + "|".join(words) + ")", words[n // 2])


_JSON_STRING = r'"[^"\\\n]*"'

EVERYDAY: tuple[Case, ...] = (
    Case("quoted", r' "[^"]+"', ' "Bonjour tout le monde"'),
    Case("quoted-escapes", r'"([^"\\]|\\.)*"', r'"He said \"yes\" and left\n"'),
    Case("quoted-short", r'[^"\n]{1,20}"', 'Guten Morgen"'),
    Case("single-quoted", r"'[^'\n]*'", "'a small example'"),
    Case("integer", r"-?(0|[1-9][0-9]*)", "-180429"),
    Case("number", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", "3.14159e-10"),
    Case("price", r"\$[0-9]{1,3}(,[0-9]{3})*\.[0-9]{2}", "$1,234,567.89"),
    Case("percent", r"(100|[1-9]?[0-9])%", "87%"),
    Case("date", r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "2024-11-30"),
    Case(
        "date-long",
        r"(January|February|March|April|May|June|July|August|September|October|November|December) [1-9][0-9]?, [0-9]{4}",
        "September 17, 1987",
    ),
    Case("time", r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", "23:59:07"),
    Case(
        "datetime",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})",
        "2024-11-30T12:34:56.789Z",
    ),
    Case("email", r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+", "anna.berg@mail.example.org"),
    Case(
        "url",
        r"https?://[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-zA-Z0-9._~%/-]*)?(\?[a-zA-Z0-9=&_%-]*)?",
        "https://www.example.org:8080/docs/index.html?page=2&sort=name",
    ),
    Case(
        "uuid", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "123e4567-e89b-12d3-a456-426614174000"
    ),
    Case("ipv4", r"((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])", "192.168.10.254"),
    Case("phone", r"\+[0-9]{1,3} \([0-9]{2,4}\) [0-9]{3}-[0-9]{4}", "+1 (555) 867-5309"),
    Case("hex-color", r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", "#c0ffee"),
    Case("semver", r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?", "12.4.1-rc.2+build.77"),
    Case("identifier", r"[a-zA-Z_][a-zA-Z0-9_]*", "max_new_tokens2"),
    Case("yes-no", r"(yes|no|maybe)", "maybe"),
    Case("sentiment", r"( positive| negative| neutral)", " neutral"),
    Case("grade", r"Grade: [A-F][+-]?\n", "Grade: B+\n"),
    Case("word", r" [A-Z][a-z]{2,12}\.", " Stockholm."),
    Case("name", r"[A-Z][a-z]{1,15}( [A-Z][a-z]{1,15}){1,2}", "Maria Anna Lindqvist"),
    Case("sentence", r"[A-Z][^.!?\n]*[.!?]", "The quick brown fox jumps over the lazy dog."),
    Case(
        "sentences-3",
        r"([A-Z][^.!?\n]{1,120}[.!?] ){2}[A-Z][^.!?\n]{1,120}[.!?]",
        "It rained all day. We stayed at home. Nobody complained!",
    ),
    Case("line", r"[^\n]+\n", "Some text, up to the end of the line - 42 words.\n"),
    Case("paragraph", r"([^\n]+\n)+\n", "First line.\nSecond line, longer than the first.\n\n"),
    Case("until-stop", r"[^.]*\.", "everything up to the first full stop."),
    Case("numbered-list", r"([1-9]\. [^\n]+\n){5}", "1. Apple\n2. Banana\n3. Cherry\n4. Fig\n5. Grape\n"),
    Case("bullet-list", r"(- [A-Z][^\n]{3,60}\n){3,8}", "- Keep it simple\n- Measure twice\n- Cut once\n"),
    Case("csv-row", r'("[^"\n]*"|[^,"\n]*)(,("[^"\n]*"|[^,"\n]*)){3}\n', 'Anna,34,"Oslo, Norway",nurse\n'),
    Case("csv-numbers", r"[0-9]+(,[0-9]+){4}", "12,345,6,7890,11"),
    Case("key-values", r"([a-z_]+=[^\s;]+;)+", "host=localhost;port=8080;mode=fast;"),
    Case(
        "json-flat",
        r'\{"name": ' + _JSON_STRING + r', "age": [0-9]{1,3}, "city": ' + _JSON_STRING + r"\}",
        '{"name": "Anna Berg", "age": 34, "city": "Oslo"}',
    ),
    Case(
        "json-pretty",
        r'\{\n  "name": ' + _JSON_STRING + r',\n  "age": [0-9]{1,3},\n  "student": (true|false)\n\}',
        '{\n  "name": "Anna Berg",\n  "age": 34,\n  "student": false\n}',
    ),
    Case("json-list", r"\[" + _JSON_STRING + r"(, " + _JSON_STRING + r")*\]", '["red", "green", "deep blue"]'),
    Case("json-numbers", r"\[-?[0-9]+(\.[0-9]+)?(, -?[0-9]+(\.[0-9]+)?)*\]", "[1, -2.5, 300, 4.25]"),
    Case(
        "json-nested",
        r'\{"id": [0-9]+, "tags": \[("[a-z]+"(, "[a-z]+")*)?\], "owner": \{"name": '
        + _JSON_STRING
        + r', "active": (true|false|null)\}\}',
        '{"id": 4711, "tags": ["new", "sale"], "owner": {"name": "B. Ek", "active": null}}',
    ),
    Case(
        "sql",
        r"SELECT ([a-z_]+|\*)(, [a-z_]+)* FROM [a-z_]+( WHERE [a-z_]+ (=|<|>|<=|>=) ([0-9]+|'[^'\n]*'))?( ORDER BY [a-z_]+( ASC| DESC)?)?( LIMIT [0-9]+)?;",
        "SELECT name, age FROM people WHERE city = 'Oslo' ORDER BY age DESC LIMIT 10;",
    ),
    Case(
        "call",
        r"[a-z_]+\(([a-z_]+=([0-9]+|\"[^\"\n]*\")(, [a-z_]+=([0-9]+|\"[^\"\n]*\"))*)?\)",
        'get_weather(city="Oslo", days=3)',
    ),
    Case(
        "xml-element",
        r"<([a-z]+)( [a-z]+=\"[^\"<]*\")*>[^<]*</[a-z]+>",
        '<item id="7" kind="fruit">Sweet cherries</item>',
    ),
    Case("markdown-link", r"\[[^\]\n]+\]\(https?://[^)\s]+\)", "[the docs](https://example.org/docs)"),
    Case("code-fence", r"```python\n([^`]|`[^`]|``[^`])*```", "```python\nprint('hello')\n```"),
    Case(
        "thought-action",
        r"Thought: [^\n]{1,200}\nAction: (search|lookup|finish)\[[^\]\n]{1,80}\]\n",
        "Thought: I need the population of Oslo.\nAction: search[population of Oslo]\n",
    ),
    Case(
        "answer-tag",
        r"<think>[^<]*</think><answer>[A-E]</answer>",
        "<think>It must be the third one.</think><answer>C</answer>",
    ),
    Case("choice-letter", r"Answer: \(?[A-E]\)?", "Answer: (D)"),
    Case("count-letters", r"[a-z]{1,200}", "supercalifragilistic"),
    Case("count-any", r"[^\n]{10,100}\n", "between ten and a hundred characters\n"),
    Case("count-words", r"[A-Za-z]+( [A-Za-z]+){4,19}\.", "These are more than five words in one row."),
    Case("unicode-letters", r"[\p{L} ]+", "Größe naïve Пример 東京"),
    Case("unicode-upper", r"\p{Lu}\p{Ll}+", "Östersund"),
    Case("accents", r"[a-zàâçéèêëîïôûùüÿñæœ' -]+", "l'été à la forêt-noire"),
    Case("cjk", r"[一-鿿、。]{1,60}", "今天天气很好。"),
    Case("contains", r".*foo.*", "this line has foo in the middle"),
    Case("ends-with", r".* end", "and this is the end"),
    Case("any", r"(.|\n)*", "anything goes here\n42: yes, it does!"),
    _one_of(50),
    _one_of(300),
    _one_of(1000),
)

STRESS: tuple[Case, ...] = (
    Case("nth-from-end-8", r"(a|b)*a(a|b){8}", "abbaabababbabab", prefix_only=True),
    Case("nth-from-end-12", r"(a|b)*a(a|b){12}", "abbaabababbababbab", prefix_only=True),
    Case("contains-two", r".*foo.*bar.*", "some foo and then a bar here"),
    Case("bounded-context", r".{0,200}foo.{0,200}", "not far from here there is foo and a little more"),
    Case("wide-count", r"\w{1,255}", "antidisestablishmentarianism"),
    Case("any-count-1000", r".{1,1000}", "a line of at most a thousand characters"),
    Case("nested-count", r"(([a-z]{1,8} ){1,8}\n){1,8}", "one two three \nfour five \n"),
    Case("many-optional", "".join(f"({c}x)?" for c in "abcdefghijklmnopqrstuvwxyz"), "axdxzx"),
    Case("overlapping", r"(a|ab|abc|abcd|abcde|bcd|cd|de|e)*", "abcdebcdcdeabab"),
    Case("unicode-count", r"[\p{L}\p{N}]{1,100}", "Größe42日本語"),
    Case(
        "json-strings-20",
        r"\[" + ", ".join([r'"[^"\\\n]{0,40}"'] * 20) + r"\]",
        '["one", "two", "three"',
        prefix_only=True,
    ),
    Case(
        "alternated-prefixes",
        "(" + "|".join(f"item {i:03d}: [a-z]{{1,20}}" for i in range(0, 400, 4)) + ")",
        "item 124: bicycle",
    ),
)
