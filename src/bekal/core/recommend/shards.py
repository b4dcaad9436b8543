"""One function over many shards: here, in processes of this machine, or in tasks of Ray. The results are the same
bytes, in the order of the shards.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import islice
from typing import TypeVar

from .checks import checked_count

Shard = TypeVar("Shard")
Result = TypeVar("Result")
Task = TypeVar("Task")

BACKENDS = ("processes", "ray")
IN_FLIGHT = 2  # shards a process may have waiting, so that what is not yet needed is not yet read


def map_shards(
    function: Callable[[Shard], Result],
    shards: Iterable[Shard],
    *,
    processes: int = 1,
    backend: str = "processes",
) -> Iterator[Result]:
    """`function(shard)` for each shard, in order, by so many processes; 1 works in this one.

    The function stands in a module and depends on its shard alone: then who works on which changes nothing. Shards are
    taken as they are needed (never more than IN_FLIGHT for each process wait), so an iterator of any length takes
    bounded memory. `backend="ray"` sends them to Ray, for which the package `ray` has to be installed.
    ValueError for an unknown backend or number of processes, RuntimeError where Ray is asked for and missing; an error
    of the function is raised when its turn comes.
    """
    count = checked_count("processes", processes)
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}: use one of {', '.join(BACKENDS)}.")
    if backend == "ray":
        return _by_ray(function, shards, count)
    return map(function, shards) if count == 1 else _by_processes(function, shards, count)


def _by_processes(function: Callable[[Shard], Result], shards: Iterable[Shard], count: int) -> Iterator[Result]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Spawned, not forked: a fork would share the parent's database connections and its locks.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        try:
            yield from _in_order(shards, lambda shard: pool.submit(function, shard), lambda task: task.result(), count)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _by_ray(function: Callable[[Shard], Result], shards: Iterable[Shard], count: int) -> Iterator[Result]:
    try:
        ray = import_module("ray")
    except ImportError as error:
        raise RuntimeError(
            "backend is 'ray', but the package ray is not installed: install it, or leave backend at 'processes'."
        ) from error
    if not ray.is_initialized():
        ray.init(num_cpus=count, include_dashboard=False, log_to_driver=False)
    return _in_order(shards, ray.remote(function).remote, ray.get, count)


def _in_order(
    shards: Iterable[Shard], start: Callable[[Shard], Task], result: Callable[[Task], Result], count: int
) -> Iterator[Result]:
    waiting: deque[Task] = deque()
    source = iter(shards)
    for shard in islice(source, count * IN_FLIGHT):
        waiting.append(start(shard))
    while waiting:
        done = result(waiting.popleft())
        for shard in islice(source, 1):
            waiting.append(start(shard))
        yield done
