"""The awaitables of the controller's `aici`: what each asks of the host, and what the reply becomes.

An awaitable is an `Object` whose fields hold its checked arguments; wrong arguments are refused where it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from aici.vm import meter
from aici.vm import requests as rq
from aici.vm.native import Context, Ready, awaitable, constructor, module_function, module_value, type_
from aici.vm.requests import ConstraintSpec
from aici.vm.values import Object, TypeValue, Value

from .aici_constraints import (
    CONSTRAINT,
    advance,
    fresh_spec,
    options_spec,
    packed,
    regex_spec,
    specification,
    substring_spec,
)
from .aici_module import LABEL, logging, refuse_later
from .aici_tokens import TOKEN_SET, detokenized, name_argument, replaced_text, text_argument, tokens_argument

_OBJECT_BYTES = 400


def _kind(name: str) -> TypeValue:
    kind = type_(f"aici.{name}", shown=name)
    module_value("aici", name, kind)
    return kind


_GET_PROMPT = _kind("GetPrompt")
_FIXED = _kind("FixedTokens")
_NOOP = _kind("Noop")
_STOP = _kind("StopToken")
_CONSTRAINED = _kind("ConstrainedToken")
# What these functions return has no name that controllers could use.
_GENERATION = type_("aici.gen_tokens", shown="gen_tokens")
_TEXT = type_("aici.gen_text", shown="gen_text")
_FORK = type_("aici.fork", shown="fork")
_WAIT = type_("aici.wait_vars", shown="wait_vars")


def _make(ctx: Context, kind: TypeValue, /, **fields: Value) -> Object:
    ctx.allocate(_OBJECT_BYTES)
    return Object(kind, {f"#{name}": value for name, value in fields.items()})


def _tokens_reply(ctx: Context, reply: object) -> list[int]:
    tokens = cast("list[int]", reply)
    meter.sequence(ctx, len(tokens))
    return list(tokens)


# --- without arguments ---


def _simple(kind: TypeValue, name: str, request: rq.Request, result: Callable[[Context, object], Value]) -> None:
    @constructor(name)
    def make(ctx: Context) -> Object:
        return _make(ctx, kind)

    awaitable(name, lambda ctx, self: request, lambda ctx, self, reply: result(ctx, reply))


_simple(_GET_PROMPT, "aici.GetPrompt", rq.GetPrompt(), _tokens_reply)
_simple(_NOOP, "aici.Noop", rq.Noop(), lambda ctx, reply: [])
_simple(_STOP, "aici.StopToken", rq.Stop(), lambda ctx, reply: [])


# --- fixed tokens ---


@constructor("aici.FixedTokens")
def _fixed(ctx: Context, text: Value, following: Value = None, special: Value = True) -> Object:
    if following is not None and not (isinstance(following, Object) and following.kind is LABEL):
        raise ctx.error("TypeError", f"following must be a Label, not {ctx.type_of(following).name}")
    given: bytes | tuple[int, ...]
    if isinstance(text, (list, tuple)):
        given = tuple(tokens_argument(ctx, text, "text"))
    else:
        given = text_argument(ctx, text, "text")
    position = None if following is None else following.fields["#position"]
    return _make(ctx, _FIXED, text=given, following=position, special=ctx.truth(special))


def _append(ctx: Context, self: Object) -> rq.Request:
    return rq.Append(self.fields["#text"], self.fields["#following"], self.fields["#special"])


def _appended(ctx: Context, self: Object, reply: object) -> Value:
    tokens = _tokens_reply(ctx, reply)
    if logging(ctx):
        shown = ctx.to_repr(replaced_text(ctx, detokenized(ctx, tokens)))
        ctx.output(f"FIXED {shown}\n")
    return tokens


awaitable("aici.FixedTokens", _append, _appended)


# --- generation ---


def _generation(
    ctx: Context,
    name: str,
    regex: Value,
    yacc: Value,
    substring: Value,
    substring_end: Value,
    options: Value,
    store_var: Value,
    stop_at: Value,
    max_tokens: Value,
    constraint: Value,
    complete: Value,
) -> dict[str, Value]:
    """The checked arguments of a call of `name`, as fields."""
    if yacc is not None:
        raise refuse_later(ctx, f"{name}(yacc=...)")
    if sum(value is not None for value in (regex, substring, options, constraint)) > 1:
        raise ctx.error("ValueError", f"{name}() takes one of regex, options, substring and constraint")
    spec: ConstraintSpec | None = None
    if regex is not None:
        spec = regex_spec(ctx, regex)
    elif options is not None:
        spec = options_spec(ctx, options)
    elif substring is not None:
        spec = substring_spec(ctx, substring, substring_end, ("substring", "substring_end"))
    elif constraint is not None:
        spec = fresh_spec(ctx, constraint)
    kind, args = packed(spec) if spec else ("", ())
    return {
        "kind": kind,
        "args": args,
        "store_var": None if store_var is None else name_argument(ctx, store_var, "store_var"),
        "stop_at": _stop_texts(ctx, stop_at),
        "max_tokens": _count(ctx, max_tokens, "max_tokens", 0),
        "complete": ctx.truth(complete),
    }


def _stop_texts(ctx: Context, stop_at: Value) -> Value:
    """The stop text, or several as a tuple; None for none."""
    if stop_at is None:
        return None
    if isinstance(stop_at, (str, bytes)) or not ctx.is_iterable(stop_at):
        stops = [text_argument(ctx, stop_at, "stop_at")]
    else:
        stops = []
        for stop in ctx.iterate(stop_at):
            ctx.allocate(meter.ITEM_BYTES)
            stops.append(text_argument(ctx, stop, "a stop text"))
    if not all(stops) or not stops:
        raise ctx.error("ValueError", "stop_at must not be empty")
    return stops[0] if len(stops) == 1 else tuple(stops)


def _count(ctx: Context, value: Value, what: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ctx.error("TypeError", f"{what} must be an int, not {ctx.type_of(value).name}")
    if value < least:
        raise ctx.error("ValueError", f"{what} must be at least {least}")
    return value


@module_function("aici", "gen_tokens")
def _gen_tokens(
    ctx: Context,
    regex: Value = None,
    yacc: Value = None,
    substring: Value = None,
    substring_end: Value = '"',
    options: Value = None,
    store_var: Value = None,
    stop_at: Value = None,
    max_tokens: Value = 20,
    constraint: Value = None,
    complete: Value = True,
) -> Object:
    fields = _generation(
        *(ctx, "gen_tokens", regex, yacc, substring, substring_end),
        *(options, store_var, stop_at, max_tokens, constraint, complete),
    )
    return _make(ctx, _GENERATION, **fields)


@module_function("aici", "gen_text")
def _gen_text(
    ctx: Context,
    regex: Value = None,
    yacc: Value = None,
    substring: Value = None,
    substring_end: Value = '"',
    options: Value = None,
    store_var: Value = None,
    stop_at: Value = None,
    max_tokens: Value = 20,
    constraint: Value = None,
    complete: Value = True,
) -> Object:
    fields = _generation(
        *(ctx, "gen_text", regex, yacc, substring, substring_end),
        *(options, store_var, stop_at, max_tokens, constraint, complete),
    )
    return _make(ctx, _TEXT, **fields)


def _generate(ctx: Context, self: Object) -> rq.Request:
    fields = self.fields
    spec = specification(self)
    return rq.Generate(spec, fields["#max_tokens"], fields["#stop_at"], fields["#store_var"], fields["#complete"])


def _generated(ctx: Context, reply: object) -> rq.Generated:
    generated = cast(rq.Generated, reply)
    if logging(ctx):
        ctx.output(f"GEN: {ctx.to_repr(replaced_text(ctx, generated.text))}\n")
    return generated


awaitable("aici.gen_tokens", _generate, lambda ctx, self, reply: _tokens_reply(ctx, _generated(ctx, reply).tokens))
awaitable("aici.gen_text", _generate, lambda ctx, self, reply: replaced_text(ctx, _generated(ctx, reply).text))


# --- branches ---


@module_function("aici", "fork")
def _fork(ctx: Context, forks: Value) -> Object:
    if isinstance(forks, (list, tuple)):
        raise refuse_later(ctx, "fork([Branch(...), ...])", "write fork(n)")
    return _make(ctx, _FORK, n=_count(ctx, forks, "the number of branches", 1))


awaitable("aici.fork", lambda ctx, self: rq.Fork(self.fields["#n"]), lambda ctx, self, reply: reply)


@module_function("aici", "wait_vars")
def _wait_vars(ctx: Context, *vars: Value) -> Object:
    return _make(ctx, _WAIT, names=tuple(name_argument(ctx, name, "the name of a variable") for name in vars))


def _wait(ctx: Context, self: Object) -> rq.Request | Ready:
    names = self.fields["#names"]
    return rq.WaitVars(names) if names else Ready([])


def _waited(ctx: Context, self: Object, reply: object) -> Value:
    values = cast("list[bytes]", reply)
    meter.pieces(ctx, len(values), sum(map(len, values)))
    return list(values)


awaitable("aici.wait_vars", _wait, _waited)


# --- single tokens ---


@constructor("aici.ConstrainedToken")
def _constrained(ctx: Context, mk_constraint: Value) -> Object:
    if not ctx.is_callable(mk_constraint):
        name = ctx.type_of(mk_constraint).name
        raise ctx.error("TypeError", f"ConstrainedToken takes a function that returns a constraint, not {name}")
    made = _make(ctx, _CONSTRAINED, make=mk_constraint, constraint=None)
    made.fields["finished"] = False
    return made


def _sample(ctx: Context, self: Object) -> rq.Request:
    made = ctx.call(self.fields["#make"], ())
    if isinstance(made, Object) and made.kind is TOKEN_SET:
        meter.text(ctx, len(made.fields["#bits"]))
        self.fields["#constraint"] = None
        return rq.Sample(allowed=bytes(made.fields["#bits"]))
    if not (isinstance(made, Object) and made.kind.is_subtype(CONSTRAINT)):
        name = ctx.type_of(made).name
        raise ctx.error("TypeError", f"the function given to ConstrainedToken must return a constraint, not {name}")
    self.fields["#constraint"] = made
    spec = specification(made)
    return rq.Sample() if spec is None else rq.Sample(spec, made.fields["#state"])


def _sampled(ctx: Context, self: Object, reply: object) -> Value:
    sampled = cast(rq.Sampled, reply)
    self.fields["finished"] = sampled.finished
    constraint = self.fields["#constraint"]
    if constraint is not None:
        for token in sampled.tokens:
            advance(ctx, constraint, token)
    return _tokens_reply(ctx, sampled.tokens)


awaitable("aici.ConstrainedToken", _sample, _sampled)
