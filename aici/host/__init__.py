"""Joins the VM, the masks and an engine: sessions, scheduling, sampling, results. Does not know the compiler.

The Python API of a run:

    from aici.host import Host, load_program

    with Host(engine) as host:
        result = host.run(load_program(data), prompt="…")
        print(result.text, result.variables)

`load_program` takes the bytes of a `.aic` file and raises `aici.vm.encode.BytecodeError` for anything else.
`host.submit` gives a handle whose iteration streams `aici.host.events`; `host.run_many` runs requests in one batch.
"""

from aici.vm.verify import load as load_program

from .host import Handle, Host
from .request import RunLimits, RunRequest
from .result import Branch, BranchError, Result, StepTiming, Usage
from .sampling import SamplingParams

__all__ = [
    "Branch",
    "BranchError",
    "Handle",
    "Host",
    "Result",
    "RunLimits",
    "RunRequest",
    "SamplingParams",
    "StepTiming",
    "Usage",
    "load_program",
]
