"""Constraints of the controller's `aici`: what a text may be, and the sets of tokens that follow from it.

A constraint is what the host knows it by (its kind and arguments, nested where it is made of others) and the state that
the tokens so far have led to: plain data, which a fork copies as it copies any value.
"""

from __future__ import annotations

from aici.vm import meter
from aici.vm.native import Context, constructor, method, module_value, type_
from aici.vm.requests import ConstraintSpec
from aici.vm.values import Object, TypeValue, Value

from .aici_tokens import TOKEN_SET, fill_set, str_argument, token_argument

CONSTRAINT = type_("aici.Constraint", shown="Constraint")
_REGEX = type_("aici.RegexConstraint", "aici.Constraint", shown="RegexConstraint")
_CHOOSE = type_("aici.ChooseConstraint", "aici.Constraint", shown="ChooseConstraint")
_SUBSTRING = type_("aici.SubStrConstraint", "aici.Constraint", shown="SubStrConstraint")
_LEXER = type_("aici.DynamicLexer", shown="DynamicLexer")
for _kind in (CONSTRAINT, _REGEX, _CHOOSE, _SUBSTRING, _LEXER):
    module_value("aici", _kind.name, _kind)
_MADE = type_("aici.combined", "aici.Constraint", shown="Constraint")
"""What operators and lexers give."""

_MAX_PARTS = 64
"""Constraints in a combination."""
_BYTES = 400
_COMPILE, _COMBINE = 1000, 20_000
"""Fuel of a constraint, and of a combination of two."""


# --- specifications ---


def specification(constraint: Object) -> ConstraintSpec | None:
    """What a constraint (or a generation under one) stands for; None where everything is allowed."""
    kind = constraint.fields["#kind"]
    return _unpacked((kind, constraint.fields["#args"])) if kind else None


def packed(spec: ConstraintSpec) -> tuple[Value, Value]:
    """A specification as plain values; `specification` undoes it."""
    return spec.kind, tuple(arg if isinstance(arg, str) else packed(arg) for arg in spec.args)


def _unpacked(value: tuple[Value, Value]) -> ConstraintSpec:
    kind, args = value
    return ConstraintSpec(kind, tuple(arg if isinstance(arg, str) else _unpacked(arg) for arg in args))


def _size(spec: ConstraintSpec) -> int:
    return 1 + sum(map(_size, spec.parts))


def _compiled(ctx: Context, spec: ConstraintSpec) -> ConstraintSpec:
    """Checks a constraint by having it compiled, charged as if no other sequence had asked for it before. What it is
    made of was charged for when that was made."""
    ctx.charge((_COMBINE if spec.parts else _COMPILE) + sum(map(len, spec.texts)) + len(spec.args))
    ctx.services.constraint_start(spec)
    return spec


def regex_spec(ctx: Context, pattern: Value) -> ConstraintSpec:
    """A regular expression that the host accepts; ValueError otherwise, as for all of these."""
    return _compiled(ctx, ConstraintSpec("regex", (str_argument(ctx, pattern, "regex"),)))


def options_spec(ctx: Context, options: Value) -> ConstraintSpec:
    """A list of texts, one of which is to come."""
    if isinstance(options, (str, bytes)) or not ctx.is_iterable(options):
        raise ctx.error("TypeError", f"options must be a list of texts, not {ctx.type_of(options).name}")
    texts = []
    for option in ctx.iterate(options):
        ctx.allocate(meter.ITEM_BYTES)
        texts.append(str_argument(ctx, option, "an option"))
    if not texts:
        raise ctx.error("ValueError", "options must not be empty")
    return _compiled(ctx, ConstraintSpec("options", tuple(texts)))


def substring_spec(ctx: Context, template: Value, end: Value, names: tuple[str, str]) -> ConstraintSpec:
    """A run of words of a text, then what ends it; `names` of the two arguments."""
    args = str_argument(ctx, template, names[0]), str_argument(ctx, end, names[1])
    return _compiled(ctx, ConstraintSpec("substring", args))


def fresh_spec(ctx: Context, constraint: Value) -> ConstraintSpec | None:
    """What a constraint stands for that no token has been appended to."""
    if not (isinstance(constraint, Object) and constraint.kind.is_subtype(CONSTRAINT)):
        raise ctx.error("TypeError", f"expected a constraint, not {ctx.type_of(constraint).name}")
    spec = specification(constraint)
    if spec is not None and constraint.fields["#state"] != ctx.services.constraint_start(spec):
        raise ctx.error("ValueError", "the constraint is already under way: tokens have been appended to it")
    return spec


# --- making them ---


def _make(ctx: Context, kind: TypeValue, spec: ConstraintSpec) -> Object:
    ctx.allocate(_BYTES * _size(spec))
    shown, args = packed(spec)
    return Object(kind, {"#kind": shown, "#args": args, "#state": ctx.services.constraint_start(spec)})


@constructor("aici.Constraint")
def _constraint(ctx: Context) -> Object:
    ctx.allocate(_BYTES)
    return Object(CONSTRAINT, {"#kind": "", "#args": (), "#state": 0})


@constructor("aici.RegexConstraint")
def _regex_constraint(ctx: Context, pattern: Value) -> Object:
    return _make(ctx, _REGEX, regex_spec(ctx, pattern))


@constructor("aici.ChooseConstraint")
def _choose_constraint(ctx: Context, options: Value) -> Object:
    return _make(ctx, _CHOOSE, options_spec(ctx, options))


@constructor("aici.SubStrConstraint")
def _substring_constraint(ctx: Context, template: Value, stop_at: Value) -> Object:
    return _make(ctx, _SUBSTRING, substring_spec(ctx, template, stop_at, ("template", "stop_at")))


def _part(ctx: Context, constraint: Value) -> ConstraintSpec:
    """A constraint that is at its start, to be combined."""
    found = fresh_spec(ctx, constraint)
    return ConstraintSpec("regex", ("(?s).*",)) if found is None else found


def _combined(ctx: Context, kind: str, *parts: ConstraintSpec) -> Object:
    """A new constraint of others."""
    spec = ConstraintSpec(kind, parts)
    if _size(spec) > _MAX_PARTS:
        raise ctx.error("ValueError", f"a constraint is made of at most {_MAX_PARTS} others")
    return _make(ctx, _MADE, _compiled(ctx, spec))


@method("aici.Constraint", "__and__")
def _and(ctx: Context, self: Object, other: Value, /) -> Object:
    return _combined(ctx, "and", _part(ctx, self), _part(ctx, other))


@method("aici.Constraint", "__or__")
def _or(ctx: Context, self: Object, other: Value, /) -> Object:
    return _combined(ctx, "or", _part(ctx, self), _part(ctx, other))


@method("aici.Constraint", "__sub__")
def _sub(ctx: Context, self: Object, other: Value, /) -> Object:
    return _combined(ctx, "and", _part(ctx, self), ConstraintSpec("not", (_part(ctx, other),)))


@method("aici.Constraint", "__add__")
def _add(ctx: Context, self: Object, other: Value, /) -> Object:
    return _combined(ctx, "concat", _part(ctx, self), _part(ctx, other))


@method("aici.Constraint", "__invert__")
def _invert(ctx: Context, self: Object, /) -> Object:
    return _combined(ctx, "not", _part(ctx, self))


@constructor("aici.DynamicLexer")
def _lexer(ctx: Context, extra_id_chars: Value = "") -> Object:
    ctx.allocate(_BYTES)
    return Object(_LEXER, {"#extra": str_argument(ctx, extra_id_chars, "extra_id_chars"), "#known": ()})


@method("aici.DynamicLexer", "add")
def _lexer_add(ctx: Context, self: Object, id: Value) -> None:
    name, known = str_argument(ctx, id, "id"), self.fields["#known"]
    ctx.charge(1 + len(known) // 8)
    if not name:
        raise ctx.error("ValueError", "an identifier must not be empty")
    if name not in known:
        ctx.allocate(meter.ITEM_BYTES * (len(known) + 1))
        self.fields["#known"] = (*known, name)


@method("aici.DynamicLexer", "constraint")
def _lexer_constraint(ctx: Context, self: Object) -> Object:
    spec = ConstraintSpec("identifiers", (self.fields["#extra"], *self.fields["#known"]))
    return _make(ctx, _MADE, _compiled(ctx, spec))


# --- using them ---


def _mask(ctx: Context, self: Object, spec: ConstraintSpec) -> bytes:
    meter.text(ctx, ctx.services.vocabulary_size() // 8)
    return ctx.services.constraint_mask(spec, self.fields["#state"])


@method("aici.Constraint", "eos_allowed")
def _eos_allowed(ctx: Context, self: Object) -> bool:
    spec = specification(self)
    return spec is None or ctx.services.constraint_eos(spec, self.fields["#state"])[0]


@method("aici.Constraint", "eos_forced")
def _eos_forced(ctx: Context, self: Object) -> bool:
    spec = specification(self)
    return spec is not None and ctx.services.constraint_eos(spec, self.fields["#state"])[1]


@method("aici.Constraint", "token_allowed")
def _token_allowed(ctx: Context, self: Object, t: Value) -> bool:
    token, spec = token_argument(ctx, t), specification(self)
    return spec is None or bool(_mask(ctx, self, spec)[token >> 3] >> (token & 7) & 1)


@method("aici.Constraint", "append_token")
def _append_token(ctx: Context, self: Object, t: Value) -> None:
    advance(ctx, self, token_argument(ctx, t))


def advance(ctx: Context, constraint: Object, token: int) -> None:
    """Move a constraint over a token. The end of the sequence leaves it where it is."""
    spec = specification(constraint)
    ctx.charge(1)
    if spec is not None and token != ctx.services.eos_token():
        state = constraint.fields["#state"]
        constraint.fields["#state"] = ctx.services.constraint_advance(spec, state, token)


@method("aici.Constraint", "allow_tokens")
def _allow_tokens(ctx: Context, self: Object, ts: Value) -> None:
    if not isinstance(ts, Object) or ts.kind is not TOKEN_SET:
        raise ctx.error("TypeError", f"ts must be a TokenSet, not {ctx.type_of(ts).name}")
    spec = specification(self)
    if spec is None:
        fill_set(ts, True)
        return
    mask = _mask(ctx, self, spec)
    fill_set(ts, full=False)
    ts.fields["#bits"][:] = mask[: len(ts.fields["#bits"])]


@method("aici.Constraint", "__repr__")
def _constraint_repr(ctx: Context, self: Object, /) -> str:
    spec = specification(self)
    if spec is None:
        return "Constraint()"
    shown = _shown(ctx, spec)
    meter.text(ctx, len(shown) * meter.width(shown))
    return shown


_OPERATORS = {"and": " & ", "or": " | ", "concat": " + "}
_CALLS = {"regex": "RegexConstraint", "options": "ChooseConstraint", "substring": "SubStrConstraint"}


def _shown(ctx: Context, spec: ConstraintSpec) -> str:
    if spec.kind in _OPERATORS:
        return f"({_OPERATORS[spec.kind].join(_shown(ctx, part) for part in spec.parts)})"
    if spec.kind == "not":
        return f"~{_shown(ctx, spec.parts[0])}"
    if spec.kind == "identifiers":
        return f"<identifiers {ctx.to_repr(list(spec.texts[1:]))}>"
    args = list(spec.texts)
    given = [args] if spec.kind == "options" else args
    return f"{_CALLS[spec.kind]}({', '.join(ctx.to_repr(arg) for arg in given)})"


@method("aici.DynamicLexer", "__repr__")
def _lexer_repr(ctx: Context, self: Object, /) -> str:
    return f"<DynamicLexer {ctx.to_repr(list(self.fields['#known']))}>"
