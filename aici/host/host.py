"""The Python door to all of this: `Host(engine).run(program, prompt=…) -> Result`.

Goes in: an engine and requests. Comes out: results, and events while they run. There is no background thread: whoever
waits for a result drives the loop, and with it everybody else's request; several threads may wait at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from types import TracebackType

from aici.grammar.limits import DEFAULT_LIMITS, DfaLimits
from aici.host.engines.base import Engine
from aici.host.sampling import SamplingParams
from aici.vm.program import Program

from .events import Event
from .job import Job
from .request import RunLimits, RunRequest, prompt_tokens
from .result import Result
from .scheduler import Scheduler
from .world import CONSTRAINT_BYTES, Live, World


class Handle:
    """A submitted request. Iterating gives its events as they happen; `result()` waits for the end."""

    def __init__(self, host: Host, job: Job) -> None:
        self._host = host
        self._job = job

    def __iter__(self) -> Iterator[Event]:
        """Events up to now and on to the end; none unless the request was submitted with `listen=True`."""
        events = self._job.events
        while True:
            while events:
                yield events.popleft()
            if self._job.done:
                return
            self._host.step(self._job)

    def result(self) -> Result:
        """The result; runs the batch until it is there."""
        while self._job.result is None:
            self._host.step(self._job)
        return self._job.result

    def cancel(self) -> None:
        """End the request; its result tells what there was."""
        self._host.cancel(self._job)


class Host:
    """Runs controllers on an engine. A context manager; closing it leaves the engine open, which is the caller's."""

    def __init__(
        self,
        engine: Engine | World,
        *,
        constraint_bytes: int = CONSTRAINT_BYTES,
        constraint_limits: DfaLimits = DEFAULT_LIMITS,
    ) -> None:
        """`engine`: what to run on, or a world that has one (`tape`), and with it its constraints. `constraint_bytes`:
        how much memory compiled constraints may take while nobody uses them; `constraint_limits`: what the compilation
        of one may cost. Raises `EngineError` for a model whose vocabulary is out of bounds."""
        self._world = engine if isinstance(engine, World) else Live(engine, constraint_bytes, constraint_limits)
        self.engine = self._world.engine
        self._scheduler = Scheduler(self._world)
        self._driving = Lock()

    def submit(self, request: RunRequest, *, listen: bool = False) -> Handle:
        """Queue a request; it joins the batch at the next step. `listen`: note events for iteration.
        Raises `ValueError` for a prompt that the tokenizer cannot spell or with ids outside the vocabulary."""
        prompt = prompt_tokens(self.engine.tokenizer, request.prompt)
        text = self.engine.tokenizer.decode(prompt)
        job = Job(request, prompt, text, self._world.desk(request), listen)
        self._scheduler.queue.append(job)
        return Handle(self, job)

    def run(
        self,
        program: Program,
        *,
        prompt: str | bytes | Sequence[int] = "",
        sampling: SamplingParams | None = None,
        limits: RunLimits | None = None,
        timings: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> Result:
        """Run one controller to its end. `on_event` is called for everything that happens, in order; if it raises, the
        request is cancelled."""
        request = RunRequest(program, prompt, sampling or SamplingParams(), limits or RunLimits(), timings)
        return self.run_one(request, on_event)

    def run_one(self, request: RunRequest, on_event: Callable[[Event], None] | None = None) -> Result:
        """As `run`."""
        handle = self.submit(request, listen=on_event is not None)
        try:
            if on_event is not None:
                for event in handle:
                    on_event(event)
            return handle.result()
        except BaseException:
            handle.cancel()
            raise

    def run_many(self, requests: Iterable[RunRequest]) -> list[Result]:
        """Run requests together in one batch; results in their order."""
        handles = [self.submit(request) for request in requests]
        try:
            return [handle.result() for handle in handles]
        except BaseException:
            for handle in handles:
                handle.cancel()
            raise

    def step(self, job: Job) -> None:
        """One step of the whole batch, unless the job is done. For `Handle`."""
        with self._driving:
            if not job.done:
                self._scheduler.step()

    def cancel(self, job: Job) -> None:
        """For `Handle`."""
        with self._driving:
            self._scheduler.cancel(job)

    def close(self) -> None:
        """End what is in flight and the mask thread."""
        with self._driving:
            self._scheduler.cancel_all()
            self._scheduler.close()

    def __enter__(self) -> Host:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
