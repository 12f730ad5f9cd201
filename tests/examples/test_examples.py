"""Every example on the real model, checked by what must hold whatever the model says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from aici.compiler import compile_file
from aici.host import Host, Result, SamplingParams
from aici.host.engines.base import Engine
from aici.host.events import Backtracked, Event, Fixed, Forced, Token
from aici.vm.encode import encode

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.model


def run(engine: Engine, name: str, **sampling: float) -> tuple[Result, list[Event]]:
    """Run an example; it must succeed."""
    events: list[Event] = []
    program = compile_file(EXAMPLES / f"{name}.py")
    with Host(engine) as host:
        result = host.run(program, sampling=SamplingParams(**sampling), on_event=events.append)  # type: ignore[arg-type]
    assert result.error is None, result.error.traceback
    return result, events


def generations(events: list[Event], branch: int = 0) -> list[str]:
    """The texts that a branch generated, in order, dropped ones included."""
    texts: list[bytes] = []
    for event in events:
        if isinstance(event, Token | Forced) and event.branch == branch:
            if event.first:
                texts.append(b"")
            texts[-1] += event.text
    return [text.decode() for text in texts]


def fixed(events: list[Event], branch: int = 0) -> list[bytes]:
    return [event.text for event in events if isinstance(event, Fixed) and event.branch == branch]


def test_all_examples_are_here_and_the_seed_is_small() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {"hello", "backtracking", "forking", "chat", "sentiment", "extract", "five", "best_of"}
    for name in ("hello", "backtracking", "forking"):
        assert len(encode(compile_file(EXAMPLES / f"{name}.py"))) <= 2000


def test_hello(model_engine: Engine) -> None:
    result, events = run(model_engine, "hello")
    french, german, currency = generations(events)
    assert result.text == f"The word 'hello' in French is{french} and in German{german}\nFive{currency}"
    assert result.variables == {"french": french.encode(), "german": german.encode()}
    assert currency in (" pounds", " euros", " dollars")
    assert re.match(r' "[^"]', french)
    assert re.fullmatch(r' "[^"]+"', german) or german.startswith(' "')
    assert result.branches[0].logs == "I'm going in the logs!\n"


def test_backtracking(model_engine: Engine) -> None:
    result, events = run(model_engine, "backtracking")
    french, german = generations(events)
    assert result.text == f"The word 'hello' in German is{german}"
    assert result.variables == {"french": french.encode(), "german": german.encode()}
    assert [event.text.decode() for event in events if isinstance(event, Backtracked)] == [f" French is{french}"]


def test_forking(model_engine: Engine) -> None:
    result, events = run(model_engine, "forking")
    assert [branch.path for branch in result.branches] == [(0,), (1,), (2,)]
    (german,), (french,) = generations(events, 1), generations(events, 2)
    assert result.variables == {"german": german.encode(), "french": french.encode()}
    assert result.branches[1].text == f"The word 'hello' in German is{german}"
    assert result.branches[2].text == f"The word 'hello' in French is{french}"
    tail = "".join(generations(events, 0))
    # variables are bytes, and an f-string shows them as such: as in the interpreter that the seed was written for
    assert result.text == f"The word 'hello' in{french.encode()} is the same as {german.encode()}.{tail}"


def test_chat(model_engine: Engine) -> None:
    result, events = run(model_engine, "chat")
    words = generations(events)
    assert all(re.fullmatch(r'[^"\n]{1,20}"', word) for word in words)
    assert list(result.variables) == ["french", "german", "spanish"]
    assert [value.decode() for value in result.variables.values()] == [word[:-1] for word in words]
    assert re.findall(r'The word hello in \w+ is "(.*)"', result.text) == [word[:-1] for word in words]


def test_sentiment(model_engine: Engine) -> None:
    result, events = run(model_engine, "sentiment")
    labels = generations(events)
    assert len(labels) == 4
    assert set(labels) <= {" positive", " negative"}
    assert [result.variables[f"review{i}"].decode() for i in range(4)] == [label.strip() for label in labels]


def test_extract(model_engine: Engine) -> None:
    result, events = run(model_engine, "extract")
    name, age, city = generations(events)
    person = json.loads(result.variables["person"])
    assert person == {"name": name[:-1], "age": int(age[:-1]), "city": city[:-1]}
    assert json.loads(result.text[result.text.index("{\n") :]) == person
    assert b'{\n  "name": "' in fixed(events)


def test_five(model_engine: Engine) -> None:
    result, events = run(model_engine, "five")
    lines = generations(events)
    assert len({line.strip() for line in lines}) == 5
    assert sorted(result.variables["fruits"].decode().split(", ")) == sorted(line.strip() for line in lines)


def test_best_of(model_engine: Engine) -> None:
    result, events = run(model_engine, "best_of", temperature=1.0, seed=7)
    votes = [generations(events, branch)[0] for branch in range(1, 6)]
    assert all(re.fullmatch(r" [A-Z][a-z]{2,12}\.", vote) for vote in votes)
    winner = max(votes, key=votes.count)
    assert votes.count(" " + result.variables["winner"].decode()) == votes.count(winner)
    again, _ = run(model_engine, "best_of", temperature=1.0, seed=7)
    assert [branch.tokens for branch in again.branches] == [branch.tokens for branch in result.branches]
