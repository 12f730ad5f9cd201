"""The part of the controller's `aici` that does not suspend: tokenizer, variables, facts about the host, token sets.
All of it goes through `Context.services`. Token sets are bitmaps as long as the model's logits.
"""

from __future__ import annotations

from aici.vm import meter
from aici.vm.native import Context, constructor, method, module_function, module_value, type_
from aici.vm.values import Object, Value

TOKEN_SET = type_("aici.TokenSet", shown="TokenSet")
module_value("aici", "TokenSet", TOKEN_SET)

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
    fill_set(made, full)
    return made


def fill_set(target: Object, full: bool) -> None:
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
    fill_set(self, ctx.truth(value))


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
