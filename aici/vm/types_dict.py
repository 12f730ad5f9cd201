"""`dict` and its views: constructor and methods. Operators on them are the machine's."""

from __future__ import annotations

from . import meter
from .native import Context, builtin_value, constructor, method, static, type_
from .types_list import collect
from .values import UNBOUND, DictView, Value

builtin_value("dict", type_("dict"))

Dict = dict[Value, Value]


def _put(ctx: Context, target: Dict, key: Value, value: Value) -> None:
    ctx.charge(1)
    ctx.allocate(meter.ENTRY_BYTES)
    target[ctx.key(key, target)] = value


def _update(ctx: Context, target: Dict, source: Value, kwargs: dict[str, Value]) -> None:
    if type(source) is dict:
        meter.sequence(ctx, len(source))
        for key, value in list(source.items()):
            _put(ctx, target, key, value)
    elif source is not UNBOUND:
        for number, pair in enumerate(ctx.iterate(source)):
            if not ctx.is_iterable(pair):
                raise ctx.error(
                    "TypeError", f"cannot convert dictionary update sequence element #{number} to a sequence"
                )
            items = pair if type(pair) is tuple and len(pair) == 2 else collect(ctx, pair)
            if len(items) != 2:
                text = f"dictionary update sequence element #{number} has length {len(items)}; 2 is required"
                raise ctx.error("ValueError", text)
            _put(ctx, target, items[0], items[1])
    for name, value in kwargs.items():
        _put(ctx, target, name, value)


@constructor("dict")
def _dict(ctx: Context, iterable: Value = UNBOUND, /, **kwargs: Value) -> Dict:
    made: Dict = {}
    _update(ctx, made, iterable, kwargs)
    return made


@method("dict", "update")
def _dict_update(ctx: Context, self: Dict, iterable: Value = UNBOUND, /, **kwargs: Value) -> None:
    _update(ctx, self, iterable, kwargs)


@static("dict", "fromkeys")
def _fromkeys(ctx: Context, iterable: Value, value: Value = None, /) -> Dict:
    made: Dict = {}
    for key in ctx.iterate(iterable):
        _put(ctx, made, key, value)
    return made


@method("dict", "get")
def _get(ctx: Context, self: Dict, key: Value, default: Value = None, /) -> Value:
    return self.get(ctx.key(key, self), default)


@method("dict", "setdefault")
def _setdefault(ctx: Context, self: Dict, key: Value, default: Value = None, /) -> Value:
    ctx.allocate(meter.ENTRY_BYTES)
    return self.setdefault(ctx.key(key, self), default)


@method("dict", "pop")
def _pop(ctx: Context, self: Dict, key: Value, default: Value = UNBOUND, /) -> Value:
    # CPython does not look at the key if there is nothing to find.
    found = self.pop(ctx.key(key, self), default) if self else default
    if found is UNBOUND:
        raise ctx.error("KeyError", key)
    return found


@method("dict", "popitem")
def _popitem(ctx: Context, self: Dict, /) -> tuple[Value, Value]:
    if not self:
        raise ctx.error("KeyError", "popitem(): dictionary is empty")
    ctx.allocate(72)
    return self.popitem()


@method("dict", "clear")
def _clear(ctx: Context, self: Dict, /) -> None:
    self.clear()


@method("dict", "copy")
def _copy(ctx: Context, self: Dict, /) -> Dict:
    meter.table(ctx, len(self))
    return dict(self)


@method("dict", "keys")
def _keys(ctx: Context, self: Dict, /) -> DictView:
    ctx.allocate(48)
    return DictView(self, "keys")


@method("dict", "values")
def _values(ctx: Context, self: Dict, /) -> DictView:
    ctx.allocate(48)
    return DictView(self, "values")


@method("dict", "items")
def _items(ctx: Context, self: Dict, /) -> DictView:
    ctx.allocate(48)
    return DictView(self, "items")


def _register_isdisjoint(kind: str) -> None:
    @method(kind, "isdisjoint")
    def run(ctx: Context, self: DictView, other: Value, /) -> bool:
        return not any(ctx.contains(self, item) for item in ctx.iterate(other))


_register_isdisjoint("dict_keys")
_register_isdisjoint("dict_items")
