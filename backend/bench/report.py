"""What the figures say: ratios with their spread, as a table for people and JSON for programs."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from bench.cells import SIDES, Plan, Side
from bench.runner import Measured
from bench.wrk import THREADS, TIMEOUT_SECONDS, Sample

_LATENCIES: Final = ("p50_ms", "p95_ms", "p99_ms", "max_ms")
_ERROR_KINDS: Final = ("connect", "read", "write", "timeout", "status")
# The columns of a table that hold names.
_NAMES: Final = 2
Facts = Mapping[str, object]


def heading(plan: Plan, machine: Sequence[str]) -> str:
    data = plan.data
    lengths = ", ".join(f"{plan.seconds_at(n)} s at {n} connections" for n in plan.connections)
    lines = (
        *machine,
        f"{data.task_count:,} tasks of {len(data.user_ids):,} users in each server's tables",
        f"{plan.rounds} rounds, each server in turn, {lengths}; wrk -t {THREADS}",
        f"first and second: {', '.join(' : '.join(pair) for pair in plan.pairs)}",
        "req/s and p50/p95/p99/max: medians of the rounds",
        "ratio of the first to the second in req/s: median (lowest-highest) of the rounds",
        f"errors: sum of the rounds; timeout: no answer within {TIMEOUT_SECONDS} s",
        "MiB: highest resident set of the server's processes",
    )
    return "\n".join(f"- {line}" for line in lines)


def table(plan: Plan, results: Sequence[Measured]) -> str:
    """Columns aligned for a terminal, or a Markdown table."""
    rows = [_header(plan), *(_row(measured, pair) for measured in results for pair in plan.pairs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        [cell.ljust(width) if n < _NAMES else cell.rjust(width) for n, (cell, width) in pairs]
        for pairs in ([*enumerate(zip(row, widths, strict=True))] for row in rows)
    ]
    if not plan.markdown:
        return "\n".join("  ".join(line) for line in lines)
    rule = ["-" * width for width in widths[:_NAMES]]
    rule += ["-" * (width - 1) + ":" for width in widths[_NAMES:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def as_json(plan: Plan, machine: Sequence[str], results: Sequence[Measured]) -> str:
    return json.dumps(
        {
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": list(machine),
            "users": len(plan.data.user_ids),
            "tasks": plan.data.task_count,
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "cells": [_facts(plan, measured) for measured in results],
        },
        indent=2,
    )


def _facts(plan: Plan, measured: Measured) -> Facts:
    return {
        "cell": measured.cell.name,
        "mix": dict(measured.cell.mix),
        "connections": measured.connections,
        "ratios": {" : ".join(pair): _ratio(measured, pair) for pair in plan.pairs},
        "medians": {side: _medians(measured, side) for side in plan.sides},
        "rounds": [
            {side: asdict(sample) | {"per_second": sample.per_second} for side, sample in r.items()}
            for r in measured.rounds
        ],
    }


def _ratio(measured: Measured, pair: Sequence[Side]) -> Mapping[str, float] | None:
    """Compare runs of one round; a round without any answer of a side has no ratio."""
    if len(pair) < len(SIDES):
        return None
    first, second = pair
    ratios = [
        r[first].per_second / r[second].per_second
        for r in measured.rounds
        if r[first].requests and r[second].requests
    ]
    if not ratios:
        return None
    return {"median": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def _medians(measured: Measured, side: Side) -> Mapping[str, float]:
    def median(figure: Callable[[Sample], float]) -> float:
        return statistics.median(figure(r[side]) for r in measured.rounds)

    return {
        "per_second": median(lambda sample: sample.per_second),
        "p50_ms": median(lambda sample: sample.p50_ms),
        "p95_ms": median(lambda sample: sample.p95_ms),
        "p99_ms": median(lambda sample: sample.p99_ms),
        "max_ms": median(lambda sample: sample.max_ms),
    }


def _header(plan: Plan) -> Sequence[str]:
    latencies = ["first ms", "second ms"][: len(plan.pairs[0])]
    return ["load", "servers", "conns", "ratio", "req/s", *latencies, "errors", "MiB"]


def _row(measured: Measured, pair: Sequence[Side]) -> Sequence[str]:
    medians = [_medians(measured, side) for side in pair]
    samples = [[r[side] for r in measured.rounds] for side in pair]
    return [
        measured.cell.name,
        " : ".join(pair),
        str(measured.connections),
        _spread(_ratio(measured, pair)),
        " : ".join(f"{figures['per_second']:,.0f}" for figures in medians),
        *("/".join(f"{figures[name]:.0f}" for name in _LATENCIES) for figures in medians),
        " : ".join(map(_errors, samples)),
        " : ".join(map(_peak_mib, samples)),
    ]


def _spread(ratio: Mapping[str, float] | None) -> str:
    if ratio is None:
        return "-"
    return f"{ratio['median']:.2f} ({ratio['lowest']:.2f}-{ratio['highest']:.2f})"


def _errors(samples: Sequence[Sample]) -> str:
    counts = {kind: sum(getattr(sample, kind) for sample in samples) for kind in _ERROR_KINDS}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "0"


def _peak_mib(samples: Sequence[Sample]) -> str:
    return f"{max(sample.usage.peak_resident_bytes for sample in samples) / 2**20:.0f}"
