"""The comparison itself: every cell, in turn on one server and the other."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench import seed, servers, wrk
from bench.cells import BenchError, Cell, Plan, Side
from bench.servers import Server

_WARM_UP_RATE: Final = 10_000
_SPARE: Final = 1.5
_ATTEMPTS: Final = 3

Round = Mapping[Side, wrk.Sample]


@dataclass(frozen=True, slots=True)
class Measured:
    """All rounds of one cell at one number of connections, in the order they were run."""

    cell: Cell
    connections: int
    rounds: Sequence[Round]


@dataclass(frozen=True, slots=True)
class Bench:
    """Both servers are up; only one of them is loaded at a time."""

    plan: Plan
    connection: seed.Connection
    running: Mapping[Side, Server]
    tokens: Mapping[Side, Path]

    async def measure(self, cell: Cell, connections: int) -> Measured:
        load = wrk.Load(
            cell=cell,
            connections=connections,
            seconds=self.plan.seconds_at(connections),
            seed=0,
            data=self.plan.data,
        )
        rates = {side: await self._warm_up(side, load) for side in self.plan.sides}
        rounds = []
        for number in range(1, self.plan.rounds + 1):
            seeded = replace(load, seed=number)
            rounds.append(
                {side: await self._sample(side, seeded, rates[side]) for side in self.plan.sides}
            )
            _progress(f"{cell.name} at {connections}, round {number}: {_rates(rounds[-1])}")
        return Measured(cell, connections, rounds)

    async def _warm_up(self, side: Side, load: wrk.Load) -> float:
        """Return requests per second of a run in which every answer has to be a 2xx."""
        warm_up = replace(load, seconds=self.plan.warm_up_seconds, strict=True)
        sample = await self._sample(side, warm_up, _WARM_UP_RATE)
        if sample.status:
            raise BenchError(
                f"{sample.status} of {sample.requests} answers to {load.cell.name} at"
                f" {load.connections} connections were no success:\n{self.running[side].log_tail()}"
            )
        return sample.per_second

    async def _sample(self, side: Side, load: wrk.Load, expected_rate: float) -> wrk.Sample:
        """One run, repeated with more rows where the load deleted faster than expected."""
        for attempt in range(_ATTEMPTS):
            rate = max(expected_rate, load.connections) * _SPARE * 2**attempt
            count = int(rate * load.seconds * load.cell.delete_share)
            sample = await self._run(side, load, count if load.cell.delete_share else 0)
            if not sample.exhausted:
                return sample
        raise BenchError(f"{load.cell.name} ran out of tasks to delete {_ATTEMPTS} times")

    async def _run(self, side: Side, load: wrk.Load, deletable: int) -> wrk.Sample:
        data = self.plan.data
        if deletable:
            first = await seed.add_deletable(self.connection, side, data, deletable)
            load = replace(load, delete_first=first, delete_count=deletable)
        await servers.settled(*self.running.values())
        sample = await wrk.run(self.running[side], load, self.tokens[side])
        await servers.settled(*self.running.values())
        if load.cell.writes:
            await seed.require_right_counters(self.connection, side)
            await seed.restore(self.connection, side, data)
        return sample


def _rates(samples: Round) -> str:
    return ", ".join(f"{side} {sample.per_second:,.0f}/s" for side, sample in samples.items())


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
