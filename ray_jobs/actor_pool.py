"""Keeps Ray actors busy with work, whoever dies: work of a lost actor goes to the others at once.

Ray itself would hold the calls of a lost actor until that very actor has started again, which on a full cluster (every
GPU taken, one node lost) is never. Here an actor that is lost is replaced when the cluster has room, and nobody waits.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Work = TypeVar("Work")


class WorkLost(RuntimeError):
    """Work whose actor died every time, which is more likely its own doing than the machine's."""


@dataclass(frozen=True)
class _Flying(Generic[Work]):
    actor: Any
    work: Work


class ActorPool(Generic[Work]):
    """Sends work to actors and yields it as it is done.

    Args:
        start: Starts one actor; it has a method ``is_ready``.
        send: Calls an actor with a piece of work and returns Ray's reference to the answer.
        actors: Number of actors.
        at_once: Pieces of work that an actor has in hand at the same time.
        attempts: How often work may be begun; an actor that dies takes one.
        patience_s: How long to wait for a first actor while none is there, as when a cluster has to start a machine.
    """

    def __init__(
        self,
        start: Callable[[], Any],
        send: Callable[[Any, Work], Any],
        *,
        actors: int,
        at_once: int,
        attempts: int = 4,
        patience_s: float = 1800,
    ) -> None:
        self._start, self._send = start, send
        self._at_once, self._attempts, self._patience_s = at_once, attempts, patience_s
        self._free: deque[Any] = deque()
        self._flying: dict[Any, _Flying[Work]] = {}
        self._starting: dict[Any, Any] = {}
        self._begun: Counter[Work] = Counter()
        self._waiting: deque[Work] = deque()
        self._failed_starts = 0
        for _ in range(actors):
            self._begin_actor()

    def run(self, work: Iterable[Work]) -> Iterator[Work]:
        """Do all work, in any order; work is taken from the iterable only when an actor is free for it.

        Raises:
            WorkLost: A piece of work lost its actor as often as it may be begun, or no actor starts.
            ray.exceptions.RayTaskError: The work itself failed.
        """
        source = iter(work)
        while True:
            self._send_off(source)
            if not (self._flying or self._waiting):
                return
            yield from self._landed()

    def _send_off(self, source: Iterator[Work]) -> None:
        while self._free:
            piece = self._waiting.popleft() if self._waiting else next(source, None)
            if piece is None:
                # Nobody is busy before the first actor is ready: then there may be work all the same.
                return
            actor = self._free.popleft()
            self._begun[piece] += 1
            self._flying[self._send(actor, piece)] = _Flying(actor, piece)
        if not self._flying and not self._waiting and (piece := next(source, None)) is not None:
            self._waiting.append(piece)

    def _landed(self) -> Iterator[Work]:
        import ray
        from ray.exceptions import RayActorError

        patience_s = None if self._flying else self._patience_s
        ready, _ = ray.wait([*self._flying, *self._starting], num_returns=1, timeout=patience_s)
        if not ready:
            raise WorkLost(
                f"no actor has started for {self._patience_s:.0f} s; the cluster has {_resources()}: "
                "ask for fewer GPUs per actor, or add nodes"
            )
        reference = ready[0]
        if (actor := self._starting.pop(reference, None)) is not None:
            self._take_in(reference, actor)
            return
        landed = self._flying.pop(reference)
        try:
            ray.get(reference)
        except RayActorError as error:
            self._lose(landed, error)
        else:
            self._free.append(landed.actor)
            yield landed.work

    def _take_in(self, reference: Any, actor: Any) -> None:
        import ray
        from ray.exceptions import RayActorError

        try:
            ray.get(reference)
        except RayActorError as error:
            self._failed_starts += 1
            if self._failed_starts >= self._attempts:
                raise WorkLost(f"{self._failed_starts} actors died while they started: {error}") from error
            self._begin_actor()
        else:
            self._free.extend([actor] * self._at_once)

    def _lose(self, landed: _Flying[Work], error: Exception) -> None:
        if self._begun[landed.work] >= self._attempts:
            raise WorkLost(f"{landed.work} lost its actor {self._begun[landed.work]} times: {error}") from error
        self._waiting.append(landed.work)
        others_knew = not any(flying.actor is landed.actor for flying in self._flying.values())
        self._free = deque(actor for actor in self._free if actor is not landed.actor)
        if others_knew:
            # The last of its work: one replacement per lost actor.
            self._begin_actor()

    def _begin_actor(self) -> None:
        actor = self._start()
        self._starting[actor.is_ready.remote()] = actor


def _resources() -> Any:
    import ray

    return ray.cluster_resources()  # type: ignore[no-untyped-call]
