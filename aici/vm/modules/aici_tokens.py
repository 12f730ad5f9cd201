"""The part of the controller's `aici` that does not suspend: tokenizer, variables, facts about the host, token sets,
constraints. All of it goes through `Context.services`.

Token sets are bitmaps as long as the model's logits; constraints are a specification and the state that the tokens so
far have led to, so that a fork copies them as it copies any value.
"""

from __future__ import annotations

from aici.vm import meter
from aici.vm.native import TYPES, Context, constructor, method, module_function, module_value, type_
from aici.vm.requests import ConstraintSpec
from aici.vm.values import Object, Value

TOKEN_SET = type_("aici.TokenSet", shown="TokenSet")
CONSTRAINT = type_("aici.Constraint", shown="Constraint")
_REGEX = type_("aici.RegexConstraint", "aici.Constraint", shown="RegexConstraint")
_CHOOSE = type_("aici.ChooseConstraint", "aici.Constraint", shown="ChooseConstraint")
for _kind in (TOKEN_SET, CONSTRAINT, _REGEX, _CHOOSE):
    module_value("aici", _kind.name, _kind)

# --- arguments ---


def text_argument(ctx: Context, value: Value, what: str) -> bytes:
    """Text as bytes: str (UTF-8) or bytes."""
    if isinstance(value, bytes):
        meter.scan(ctx, len(value))
        return value
    if not isinstance(value, str):
        raise ctx.error("TypeError", f"{what} must be str or bytes, not {ctx.type_of(value).name}")
    meter.text(ctx, len(value) * meter.width(value))
    return value.encode()


def str_argument(ctx: Context, value: Value, what: str) -> str:
    """Text as str: str, or bytes that are UTF-8."""
    if isinstance(value, str):
        meter.scan(ctx, len(value))
        return value
    return text_argument(ctx, value, what).decode()


def name_argument(ctx: Context, value: Value, what: str) -> str:
    if not isinstance(value, str):
        raise ctx.error("TypeError", f"{what} must be str, not {ctx.type_of(value).name}")
    meter.scan(ctx, len(value))
    return value


def tokens_argument(ctx: Context, value: Value, what: str) -> list[int]:
    """Token ids of any iterable of them."""
    if isinstance(value, (str, bytes)) or not ctx.is_iterable(value):
        raise ctx.error("TypeError", f"{what} must be a list of tokens, not {ctx.type_of(value).name}")
    made: list[int] = []
    for item in ctx.iterate(value):
        ctx.allocate(meter.ITEM_BYTES)
        made.append(token_argument(ctx, item))
    return made


def token_argument(ctx: Context, value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ctx.error("TypeError", f"a token is an int, not {ctx.type_of(value).name}")
    if not 0 <= value < ctx.services.vocabulary_size():
        raise ctx.error("ValueError", "token outside the vocabulary")
    return value


def replaced_text(ctx: Context, data: bytes) -> str:
    """The bytes as str, what is no UTF-8 replaced."""
    meter.text(ctx, len(data) * (1 if data.isascii() else 4))
    return data.decode("utf-8", "replace")


# --- tokenizer ---


@module_function("aici", "tokenize")
def _tokenize(ctx: Context, text: Value, special: Value = True) -> list[int]:
    data = text_argument(ctx, text, "text")
    ctx.charge(1 + len(data) // 4)
    ctx.allocate(meter.ITEM_BYTES * len(data))
    return list(ctx.services.tokenize(data, ctx.truth(special)))


@module_function("aici", "detokenize")
def _detokenize(ctx: Context, tokens: Value) -> bytes:
    return detokenized(ctx, tokens_argument(ctx, tokens, "tokens"))


def detokenized(ctx: Context, tokens: list[int]) -> bytes:
    """The bytes of tokens, charged."""
    ctx.charge(1 + len(tokens))
    data = ctx.services.detokenize(tokens)
    meter.text(ctx, len(data))
    return data


@module_function("aici", "token_repr")
def _token_repr(ctx: Context, token: Value) -> str:
    return _shown(ctx, token_argument(ctx, token))


def _shown(ctx: Context, token: int) -> str:
    text = ctx.services.token_repr(token)
    meter.text(ctx, len(text) * meter.width(text))
    return text


@module_function("aici", "tokens_repr")
def _tokens_repr(ctx: Context, tokens: Value) -> str:
    shown = [_shown(ctx, token) for token in tokens_argument(ctx, tokens, "tokens")]
    meter.text(ctx, sum(2 + len(text) * meter.width(text) for text in shown))
    return f"[{', '.join(shown)}]"


@module_function("aici", "eos_token")
def _eos_token(ctx: Context) -> int:
    return ctx.services.eos_token()


@module_function("aici", "get_tokens")
def _get_tokens(ctx: Context) -> list[int]:
    return all_so_far(ctx)


def all_so_far(ctx: Context) -> list[int]:
    """All tokens of the sequence, as a new list."""
    tokens = ctx.services.tokens()
    meter.sequence(ctx, len(tokens))
    return list(tokens)


@module_function("aici", "get_prompt_len")
def _get_prompt_len(ctx: Context) -> int:
    return ctx.services.prompt_length()


# --- variables ---


@module_function("aici", "get_var")
def _get_var(ctx: Context, name: Value) -> bytes | None:
    value = ctx.services.get_var(name_argument(ctx, name, "name"))
    if value is not None:
        meter.text(ctx, len(value))
    return value


@module_function("aici", "set_var")
def _set_var(ctx: Context, name: Value, value: Value) -> None:
    ctx.services.set_var(name_argument(ctx, name, "name"), text_argument(ctx, value, "value"))


@module_function("aici", "append_var")
def _append_var(ctx: Context, name: Value, value: Value) -> None:
    ctx.services.append_var(name_argument(ctx, name, "name"), text_argument(ctx, value, "value"))


@module_function("aici", "check_var")
def _check_var(ctx: Context, name: Value, value: Value) -> None:
    expected = text_argument(ctx, value, "value")
    found = ctx.services.get_var(name_argument(ctx, name, "name"))
    if found == expected:
        return
    shown = "it is not set" if found is None else f"it is {ctx.to_repr(found)}"
    text = f"variable {ctx.to_repr(name)} should be {ctx.to_repr(expected)}, but {shown}"
    raise ctx.error("AssertionError", text)


@module_function("aici", "check_vars")
def _check_vars(ctx: Context, vars: Value) -> None:
    if type(vars) is not dict:
        raise ctx.error("TypeError", f"vars must be a dict, not {ctx.type_of(vars).name}")
    for name, value in list(vars.items()):
        ctx.charge(1)
        _check_var(ctx, name, value)


# --- about the host ---


@module_function("aici", "self_seq_id")
def _self_seq_id(ctx: Context) -> int:
    return ctx.services.sequence_id()


@module_function("aici", "get_config")
def _get_config(ctx: Context, name: Value) -> int:
    return ctx.services.config(name_argument(ctx, name, "name"))


@module_function("aici", "fork_supported")
def _fork_supported(ctx: Context) -> bool:
    return ctx.services.config("fork") != 0


@module_function("aici", "backtrack_supported")
def _backtrack_supported(ctx: Context) -> bool:
    return ctx.services.config("backtrack") != 0


# --- token sets ---


def _new_set(ctx: Context, full: bool) -> Object:
    size = ctx.services.vocabulary_size()
    meter.text(ctx, size // 8 + 8)
    made = Object(TOKEN_SET, {"#bits": bytearray((size + 7) // 8), "#size": size})
    _fill(made, full)
    return made


def _fill(target: Object, full: bool) -> None:
    size = target.fields["#size"]
    bits = bytearray(b"\xff" if full else b"\0") * ((size + 7) // 8)
    if full and size % 8:
        bits[-1] = (1 << size % 8) - 1
    target.fields["#bits"] = bits


@constructor("aici.TokenSet")
def _token_set(ctx: Context) -> Object:
    return _new_set(ctx, full=False)


@module_function("aici", "all_tokens")
def _all_tokens(ctx: Context) -> Object:
    return _new_set(ctx, full=True)


def _place(ctx: Context, self: Object, index: Value) -> int:
    at = ctx.index(index)
    if not 0 <= at < self.fields["#size"]:
        raise ctx.error("IndexError", "token outside the vocabulary")
    return at


@method("aici.TokenSet", "__getitem__")
def _get_bit(ctx: Context, self: Object, index: Value, /) -> bool:
    at = _place(ctx, self, index)
    return bool(self.fields["#bits"][at >> 3] >> (at & 7) & 1)


@method("aici.TokenSet", "__setitem__")
def _set_bit(ctx: Context, self: Object, index: Value, value: Value, /) -> None:
    at = _place(ctx, self, index)
    if not isinstance(value, bool):
        raise ctx.error("TypeError", f"a token set holds bool, not {ctx.type_of(value).name}")
    if value:
        self.fields["#bits"][at >> 3] |= 1 << (at & 7)
    else:
        self.fields["#bits"][at >> 3] &= ~(1 << (at & 7))


@method("aici.TokenSet", "__len__")
def _set_length(ctx: Context, self: Object, /) -> int:
    size: int = self.fields["#size"]
    return size


@method("aici.TokenSet", "set_all")
def _set_all(ctx: Context, self: Object, value: Value) -> None:
    meter.text(ctx, len(self.fields["#bits"]))
    _fill(self, ctx.truth(value))


@method("aici.TokenSet", "num_set")
def _num_set(ctx: Context, self: Object) -> int:
    meter.scan(ctx, len(self.fields["#bits"]))
    return int.from_bytes(self.fields["#bits"], "little").bit_count()


_SHOWN_TOKENS = 20


@method("aici.TokenSet", "__repr__")
def _set_repr(ctx: Context, self: Object, /) -> str:
    """How many, and the first of them."""
    bits, count = self.fields["#bits"], _num_set(ctx, self)
    first: list[str] = []
    for place, byte in enumerate(bits):
        if len(first) >= min(count, _SHOWN_TOKENS):
            break
        first += [str(8 * place + bit) for bit in range(8) if byte >> bit & 1]
    more = ", ..." if count > _SHOWN_TOKENS else ""
    shown = f": {', '.join(first[:_SHOWN_TOKENS])}{more}" if first else ""
    return f"<TokenSet {count} of {self.fields['#size']}{shown}>"


# --- constraints ---


def specification(constraint: Object) -> ConstraintSpec | None:
    """What a constraint stands for; None for one that allows everything."""
    kind = constraint.fields["#kind"]
    return ConstraintSpec(kind, constraint.fields["#args"]) if kind else None


def regex_spec(ctx: Context, pattern: Value) -> ConstraintSpec:
    """A regular expression that the host accepts; ValueError otherwise."""
    return _compiled(ctx, ConstraintSpec("regex", (str_argument(ctx, pattern, "regex"),)))


def _compiled(ctx: Context, spec: ConstraintSpec) -> ConstraintSpec:
    """Checks a constraint by having it compiled, charged as if no other sequence had asked for it before."""
    ctx.charge(1000 + sum(map(len, spec.args)) + len(spec.args))
    ctx.services.constraint_start(spec)
    return spec


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


def _constrained(ctx: Context, kind: str, spec: ConstraintSpec) -> Object:
    ctx.allocate(400)
    state = ctx.services.constraint_start(spec)
    return Object(TYPES[kind], {"#kind": spec.kind, "#args": spec.args, "#state": state})


@constructor("aici.Constraint")
def _constraint(ctx: Context) -> Object:
    ctx.allocate(400)
    return Object(CONSTRAINT, {"#kind": "", "#args": (), "#state": 0})


@constructor("aici.RegexConstraint")
def _regex_constraint(ctx: Context, pattern: Value) -> Object:
    return _constrained(ctx, "aici.RegexConstraint", regex_spec(ctx, pattern))


@constructor("aici.ChooseConstraint")
def _choose_constraint(ctx: Context, options: Value) -> Object:
    return _constrained(ctx, "aici.ChooseConstraint", options_spec(ctx, options))


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
        _set_all(ctx, ts, True)
        return
    mask = _mask(ctx, self, spec)
    _fill(ts, full=False)
    ts.fields["#bits"][:] = mask[: len(ts.fields["#bits"])]


@method("aici.Constraint", "__repr__")
def _constraint_repr(ctx: Context, self: Object, /) -> str:
    if not self.fields["#kind"]:
        return "Constraint()"
    if self.fields["#kind"] == "regex":
        return f"{self.kind.name}({ctx.to_repr(self.fields['#args'][0])})"
    return f"{self.kind.name}({ctx.to_repr(list(self.fields['#args']))})"
