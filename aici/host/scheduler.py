"""Many sequences, one batch: the loop that joins controllers, masks, engine and sampling.

A step: run every controller that can go on; then one forward pass over what all of them wait for, while another thread
computes the masks (they depend on nothing but the constraints' states); then one token for each. Requests come and go
between steps. A failing controller, or one that meets a limit, ends alone; only a failing engine ends all requests.

The order of all that happens inside a request depends on that request alone, so that it runs the same in any company
(as far as the engine does). Where sequences or cache do not suffice for all, older requests go first and the newest are
*parked*: they lose their place in the cache, and have their tokens processed again once there is room. So the oldest
can always go on; only what does not fit alone is refused.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import perf_counter
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aici.host.engines.base import ContextFull, Engine, EngineError, Feed
from aici.vm.process import Process
from aici.vm.report import line_of
from aici.vm.requests import ServiceError

from .desk import Work
from .events import Forked, Prompted
from .job import Job
from .result import ENGINE_ERROR, BranchError, StepTiming
from .session import Phase, Session
from .world import World

_ROUNDS_A_STEP: Final = 16
"""How often the controllers of one request may wake each other before the rest of the batch has its turn."""

Wanted: TypeAlias = "list[tuple[Session, Feed]]"


class Scheduler:
    """Owns the engine's sequences. Not thread-safe but for `queue`, to which any thread may append jobs."""

    def __init__(self, world: World) -> None:
        engine = world.engine
        self.queue: deque[Job] = deque()
        self._world = world
        self._engine: Engine = engine
        self._jobs: list[Job] = []
        self._free = list(range(engine.max_sequences))
        self._short = False  # in this step a fork had to wait for sequences: nobody younger may take any
        self._eos = frozenset(engine.tokenizer.eos_ids)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="masks")

    def close(self) -> None:
        self._executor.shutdown()

    def step(self) -> bool:
        """One step of everything in flight. False when nothing is left to do."""
        try:
            return self._step()
        except BaseException:  # an interrupt: nobody knows any more what the engine holds
            self.cancel_all()
            raise

    def _step(self) -> bool:
        start = perf_counter()
        self._admit()
        self._run_controllers()
        if not self._engine_step(start, perf_counter() - start):
            self._unblock()
        for job in [job for job in self._jobs if not job.live]:
            self._finish(job)
        return bool(self._jobs or self.queue)

    def cancel(self, job: Job) -> None:
        """End a request's branches, wherever it is."""
        if job.done:
            return
        if job in self.queue:
            self.queue.remove(job)
        for session in job.live.copy():
            self._end(session, "cancelled")
        self._finish(job)

    def cancel_all(self) -> None:
        for job in [*self._jobs, *self.queue]:
            self.cancel(job)

    # --- requests come and go ---------------------------------------------------------------------------------------

    def _admit(self) -> None:
        if self._short or any(job.parked for job in self._jobs):
            return
        while self.queue and len(self._jobs) < self._engine.max_sequences:
            job = self.queue.popleft()
            session = Session(job, self._engine, Process(job.request.program, job.request.limits.vm))
            job.add(session)
            self._jobs.append(job)
            if job.events is not None:
                job.emit(Prompted(0, tuple(job.prompt), job.prompt_text))
            if len(job.prompt) > self._engine.context_length:
                message = f"it has {len(job.prompt)} tokens; the context has room for {self._engine.context_length}"
                self._end(session, "error", BranchError.of("PromptTooLong", message))

    def _finish(self, job: Job) -> None:
        if job in self._jobs:
            self._jobs.remove(job)
        job.finish()
        self._unpark()

    def _end(self, session: Session, reason: str, error: BranchError | None = None) -> None:
        session.end(reason, error)
        self._release(session)

    def _release(self, session: Session) -> None:
        """A branch is over: give its sequence back."""
        session.job.live.remove(session)
        self._evict(session)

    def _evict(self, session: Session) -> None:
        if session.seq >= 0:
            with suppress(EngineError):
                self._engine.free(session.seq)
            heapq.heappush(self._free, session.seq)
            session.seq, session.cached = -1, 0

    @contextmanager
    def _on_behalf_of(self, session: Session) -> Iterator[None]:
        """What goes wrong inside concerns this branch alone."""
        try:
            yield
        except ServiceError as error:
            session.throw(error)
        except EngineError as error:
            session.end("error", BranchError.of(ENGINE_ERROR, str(error)))
        except Exception as error:  # a fault of ours: the other requests shall not suffer from it
            session.end(
                "error", BranchError.of("InternalError", f"please report this: {type(error).__name__}: {error}")
            )
        if not session.alive:
            self._release(session)

    # --- controllers ------------------------------------------------------------------------------------------------

    def _run_controllers(self) -> None:
        self._short = False
        for job in self._jobs:
            for session in job.live:
                session.wake()
            for _ in range(_ROUNDS_A_STEP):
                if not self._run_once(job):
                    self._break_deadlock(job)
                    break

    def _run_once(self, job: Job) -> bool:
        """Run each controller of a request that can go on; whether any can again."""
        for session in [session for session in job.live if session.phase is Phase.READY]:
            with self._on_behalf_of(session):
                session.advance()
        if job.variables.version != job.seen_version:
            job.seen_version = job.variables.version
            for session in job.live:
                session.look_at_variables()
        for session in job.live.copy():
            if session.phase is Phase.FORKING:
                with self._on_behalf_of(session):
                    self._fork(session)
        return any(session.phase is Phase.READY for session in job.live)

    def _break_deadlock(self, job: Job) -> None:
        """When all branches of a request wait for variables, nobody is left to set them: an error in the first branch.
        It may handle the error and set what the others wait for, so their turn comes only after it ran."""
        live = job.live
        if not live or any(session.phase is not Phase.WAITING for session in live):
            return
        missing = ", ".join(repr(name) for name in job.variables.missing(live[0].waits_for))
        who = "no other branch is left" if len(live) == 1 else f"all {len(live)} branches left wait, {_lines(live)}"
        live[0].throw(ServiceError(f"deadlock: nobody can set {missing}: {who}", "RuntimeError"))

    def _fork(self, session: Session) -> None:
        """Split, once the engine holds what the branches share and has sequences for them."""
        session.admit_fork()
        n, job = session.branches, session.job
        if job.parked or self._short:
            return
        self._short = len(self._free) < n - 1
        if self._short or session.feed() is not None:
            return
        first = len(job.sessions)
        for twin in session.split(n, first):
            twin.seq = heapq.heappop(self._free)
            job.add(twin)
            if twin.cached:
                self._engine.fork(session.seq, twin.seq)
        session.become_first()
        if job.events is not None:
            job.emit(Forked(session.index, (session.index, *range(first, first + n - 1))))

    # --- when there is not enough for all ---------------------------------------------------------------------------

    def _unblock(self) -> None:
        """The engine had nothing to do. If that is because sequences are held by others, or requests are parked, make
        room."""
        phases = {session.phase for job in self._jobs for session in job.live}
        if phases <= {Phase.SAMPLING, Phase.FORKING, Phase.WAITING} and not self._park_newest():
            self._unpark()

    def _park_newest(self) -> bool:
        """Park the newest request, unless only one is left."""
        running = [job for job in self._jobs if not job.parked]
        if len(running) < 2:
            return False
        running[-1].parked = True
        for session in running[-1].live:
            self._evict(session)
        return True

    def _unpark(self) -> None:
        for job in self._jobs:
            job.parked = False

    def _make_room(self, wanted: Wanted, error: ContextFull) -> Wanted:
        """The cache has no room for all that is wanted: what to try next. If there is nobody to park, who asks for
        most, of equals the newest, is refused."""
        if self._park_newest():
            return [(session, feed) for session, feed in wanted if not session.job.parked]
        most = max(range(len(wanted)), key=lambda i: (len(wanted[i][1].tokens), i))
        session, _ = wanted.pop(most)
        session.throw(ServiceError(f"context full: {error}", "RuntimeError"))
        self._unpark()
        return wanted

    # --- the engine -------------------------------------------------------------------------------------------------

    def _engine_step(self, start: float, vm: float) -> bool:
        """One forward pass for all who wait for one, and one token each. False if nobody does."""
        wanted = self._collect()
        while wanted:
            masks = self._start_masks(wanted)
            begin = perf_counter()
            try:
                logits = self._engine.decode([feed for _, feed in wanted])
            except ContextFull as error:
                masks.result()
                wanted = self._make_room(wanted, error)
                continue
            except Exception as error:
                masks.result()
                self._fail_all(error)
                return True
            decoded = perf_counter()
            mask_seconds = masks.result()
            self._sample_all(wanted, logits)
            end = perf_counter()
            tokens = sum(len(feed.tokens) for _, feed in wanted)
            self._note(StepTiming(vm, mask_seconds, decoded - begin, end - decoded, end - start, len(wanted), tokens))
            return True
        return False

    def _collect(self) -> Wanted:
        """What the engine has to process, by session."""
        wanted: Wanted = []
        for job in self._jobs:
            for session in job.live.copy():
                if session.phase in (Phase.SAMPLING, Phase.FORKING) and self._has_sequence(session):
                    with self._on_behalf_of(session):
                        feed = session.feed()
                        if feed is not None:
                            wanted.append((session, feed))
        return wanted

    def _has_sequence(self, session: Session) -> bool:
        """Whether the session has a sequence of the engine, which it gets as late as here."""
        if session.seq < 0 and self._free and not self._short and not session.job.parked:
            session.seq = heapq.heappop(self._free)
        return session.seq >= 0

    def _fail_all(self, error: Exception) -> None:
        """The engine failed: so do all requests in flight."""
        message = str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}"
        for job in self._jobs:
            for session in job.live.copy():
                self._end(session, "error", BranchError.of(ENGINE_ERROR, message))

    def _start_masks(self, wanted: Wanted) -> Future[float]:
        """Have the masks that are not there yet computed beside the engine; gives the seconds that took. What goes
        wrong there goes wrong again, and is dealt with, where the mask is used."""
        if self._world.needs_masks:
            works = [work for session, feed in wanted if feed.logits and not (work := session.wants()).has_mask()]
            if works:
                return self._executor.submit(_compute_masks, works)
        nothing: Future[float] = Future()
        nothing.set_result(0.0)
        return nothing

    def _sample_all(self, wanted: Wanted, logits: Sequence[NDArray[np.float32] | None]) -> None:
        for (session, feed), row in zip(wanted, logits, strict=True):
            session.processed(feed)
            if row is not None:
                with self._on_behalf_of(session):
                    session.sampled(self._sample(session, row))

    def _sample(self, session: Session, logits: NDArray[np.float32]) -> int | None:
        """A token under the mask; None for the end of the sequence."""
        token = self._world.choose(session, logits)
        return None if token in self._eos else token

    def _note(self, timing: StepTiming) -> None:
        for job in self._jobs:
            if job.request.timings:
                job.steps.append(timing)


def _compute_masks(works: list[Work]) -> float:
    start = perf_counter()
    for work in works:
        with suppress(Exception):
            work.mask()
    return perf_counter() - start


def _lines(waiting: list[Session]) -> str:
    """Where branches wait; of many only some."""
    places = [f"{session.index} in line {line_of(session.process)}" for session in waiting[:8]]
    return ", ".join(places) + (", ..." if len(waiting) > len(places) else "")
