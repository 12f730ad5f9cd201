"""The part of llama.cpp's C API that the engine uses, bound to a prebuilt library with ctypes.

In: an installed `xllamacpp` (its extension module holds the whole C API; it is loaded as a plain shared library and
never imported), or else `llama_cpp`, whose own declarations of the structs are used. Out: `load()`, an `Api`.
Imported by `llama` only.

The structs are passed by value, so a library of another version would read garbage. That is why the package's version
is pinned, why `load` compares the defaults that the library fills in with the tables below, and why our structs end in
spare room: a field appended later keeps the default that the library wrote there.

Layout: llama.cpp `include/llama.h`, as built into xllamacpp 2026.10.11549.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import importlib.util
import signal
import threading
from collections import deque
from collections.abc import Iterator
from ctypes import c_bool, c_char_p, c_float, c_int, c_int8, c_int32, c_size_t, c_uint32, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aici.host.engines.base import EngineError

REMEDY = "install the library that fits: pip install 'aicic[llama]'"

Row = tuple[str, Any, object]
"""A field of a struct: name, C type, the value that the library gives it by default."""

MODEL_PARAMS: tuple[Row, ...] = (
    ("devices", c_void_p, None),
    ("tensor_buft_overrides", c_void_p, None),
    ("n_gpu_layers", c_int32, -1),
    ("split_mode", c_int, 1),
    ("load_mode", c_int, -1),
    ("lazy_mode", c_int, 1),
    ("main_gpu", c_int32, 0),
    ("tensor_split", c_void_p, None),
    ("progress_callback", c_void_p, None),
    ("progress_callback_user_data", c_void_p, None),
    ("kv_overrides", c_void_p, None),
    ("vocab_only", c_bool, False),
    ("check_tensors", c_bool, False),
    ("use_extra_bufts", c_bool, True),
    ("no_host", c_bool, False),
    ("no_alloc", c_bool, False),
    ("load_mtp", c_bool, False),
)
CONTEXT_PARAMS: tuple[Row, ...] = (
    ("n_ctx", c_uint32, 512),
    ("n_batch", c_uint32, 2048),
    ("n_ubatch", c_uint32, 512),
    ("n_seq_max", c_uint32, 1),
    ("n_rs_seq", c_uint32, 0),
    ("n_outputs_max", c_uint32, 0),
    ("n_outputs_max_per_seq", c_uint32, 1),
    ("n_threads", c_int32, 4),
    ("n_threads_batch", c_int32, 4),
    ("ctx_type", c_int, 0),
    ("rope_scaling_type", c_int, -1),
    ("pooling_type", c_int, -1),
    ("attention_type", c_int, -1),
    ("flash_attn_type", c_int, -1),
    ("rope_freq_base", c_float, 0.0),
    ("rope_freq_scale", c_float, 0.0),
    ("yarn_ext_factor", c_float, -1.0),
    ("yarn_attn_factor", c_float, -1.0),
    ("yarn_beta_fast", c_float, -1.0),
    ("yarn_beta_slow", c_float, -1.0),
    ("yarn_orig_ctx", c_uint32, 0),
    ("defrag_thold", c_float, -1.0),
    ("cb_eval", c_void_p, None),
    ("cb_eval_user_data", c_void_p, None),
    ("type_k", c_int, 1),
    ("type_v", c_int, 1),
    ("callback_1", c_void_p, None),  # three pointers about aborting a pass, which we never do
    ("callback_2", c_void_p, None),
    ("callback_3", c_void_p, None),
    ("embeddings", c_bool, False),
    ("offload_kqv", c_bool, True),
    ("no_perf", c_bool, True),
    ("op_offload", c_bool, True),
    ("swa_full", c_bool, True),
    ("kv_unified", c_bool, False),
    ("samplers", c_void_p, None),
    ("n_samplers", c_size_t, 0),
    ("ctx_other", c_void_p, None),
)
COMMON_DEFAULTS: dict[str, object] = {
    "n_ctx": 512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_seq_max": 1,
    "kv_unified": False,
}
"""What every version of `llama_cpp` that can be used agrees on."""

_SPARE = ("spare", c_int8 * 128)


class ModelParams(ctypes.Structure):
    _fields_ = [*((name, kind) for name, kind, _ in MODEL_PARAMS), _SPARE]


class ContextParams(ctypes.Structure):
    _fields_ = [*((name, kind) for name, kind, _ in CONTEXT_PARAMS), _SPARE]


class Batch(ctypes.Structure):
    """Arrays of `n_tokens`; `seq_id` points to an array of sequence numbers for each token. The addresses are set once,
    so they are plain pointers here."""

    _fields_ = [
        ("n_tokens", c_int32),
        *((name, c_void_p) for name in ("token", "embd", "pos", "n_seq_id", "seq_id", "logits")),
    ]


LOG_CALLBACK = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
LOG_ERROR = 4

FUNCTIONS: tuple[tuple[str, Any, tuple[Any, ...]], ...] = (
    ("llama_backend_init", None, ()),
    ("llama_log_set", None, (LOG_CALLBACK, c_void_p)),
    ("llama_model_free", None, (c_void_p,)),
    ("llama_model_get_vocab", c_void_p, (c_void_p,)),
    ("llama_model_has_decoder", c_bool, (c_void_p,)),
    ("llama_model_n_ctx_train", c_int32, (c_void_p,)),
    ("llama_vocab_n_tokens", c_int32, (c_void_p,)),
    ("llama_free", None, (c_void_p,)),
    ("llama_n_ctx", c_uint32, (c_void_p,)),
    ("llama_n_ctx_seq", c_uint32, (c_void_p,)),
    ("llama_n_batch", c_uint32, (c_void_p,)),
    ("llama_n_seq_max", c_uint32, (c_void_p,)),
    ("llama_get_logits_ith", c_void_p, (c_void_p, c_int32)),
    ("llama_get_memory", c_void_p, (c_void_p,)),
    ("llama_memory_seq_rm", c_bool, (c_void_p, c_int32, c_int32, c_int32)),
    ("llama_memory_seq_cp", None, (c_void_p, c_int32, c_int32, c_int32, c_int32)),
    ("llama_memory_seq_pos_max", c_int32, (c_void_p, c_int32)),
)
"""Functions that pass no struct: name, result, arguments."""


@dataclass(frozen=True)
class Api:
    """`lib` has the functions, typed; `model_params()` and `context_params()` give structs with the defaults in;
    `errors` the last lines that the library logged as errors (nothing is ever printed)."""

    lib: ctypes.CDLL
    errors: deque[str]
    log_callback: Any  # kept alive as long as the library may call it

    def model_params(self) -> Any:
        return self.lib.llama_model_default_params()

    def context_params(self) -> Any:
        return self.lib.llama_context_default_params()

    def reason(self) -> str:
        """What the library said about its last failure; forgotten afterwards."""
        said = "; ".join(self.errors) or "the library gives no reason"
        self.errors.clear()
        return said


@contextlib.contextmanager
def interrupts_wait() -> Iterator[None]:
    """Holds an interrupt back to the end of the block. While llama.cpp loads, it writes to our log, and ctypes would
    throw away what an interrupt raises there."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is None or threading.current_thread() is not threading.main_thread():  # the handler is not ours to set
        yield
        return
    seen: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if seen:
            signal.raise_signal(signal.SIGINT)


@functools.cache
def load() -> Api:
    """The library, loaded once. Raises `EngineError` where there is none, or one that does not fit."""
    if path := _extension("xllamacpp"):
        api = _bind(path, ModelParams, ContextParams)
        _compare(path, api.model_params(), {name: value for name, _, value in MODEL_PARAMS})
        _compare(path, api.context_params(), {name: value for name, _, value in CONTEXT_PARAMS})
    elif importlib.util.find_spec("llama_cpp"):
        declared = importlib.import_module("llama_cpp.llama_cpp")
        path = Path(declared._lib._name)
        api = _bind(path, declared.llama_model_params, declared.llama_context_params)
        _compare(path, api.context_params(), COMMON_DEFAULTS)
    else:
        raise EngineError(f"no llama.cpp is installed; {REMEDY}")
    with interrupts_wait():
        api.lib.llama_backend_init()
    return api


def _extension(package: str) -> Path | None:
    """The shared library in an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob(f"{package}*.so"))), None)


def _bind(path: Path, model_params: type[ctypes.Structure], context_params: type[ctypes.Structure]) -> Api:
    """Opens a library and types its functions. Its log goes to us from the first call on."""
    errors: deque[str] = deque(maxlen=4)

    def keep(level: int, text: bytes | None, _: object) -> None:
        if level == LOG_ERROR and text:
            errors.append(text.decode("utf-8", "replace").strip())

    typed = (
        *FUNCTIONS,
        ("llama_model_default_params", model_params, ()),
        ("llama_context_default_params", context_params, ()),
        ("llama_model_load_from_file", c_void_p, (c_char_p, model_params)),
        ("llama_init_from_model", c_void_p, (c_void_p, context_params)),
        ("llama_decode", c_int32, (c_void_p, Batch)),
    )
    try:
        lib = ctypes.CDLL(str(path))
        for name, result, arguments in typed:
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise EngineError(f"cannot use the llama.cpp library {path}: {error}; {REMEDY}") from None
    api = Api(lib, errors, LOG_CALLBACK(keep))
    lib.llama_log_set(api.log_callback, None)
    return api


def _compare(path: Path, params: ctypes.Structure, expected: dict[str, object]) -> None:
    """Raises where the library's defaults are not those of our layout: then it is another version of the structs."""
    for name, value in expected.items():
        found = getattr(params, name, "missing")
        if found != value:
            raise EngineError(
                f"the llama.cpp library {path} is of another version than this program was made for"
                f" ({name} is {found}, expected {value}); {REMEDY}"
            )
