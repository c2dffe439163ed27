"""Register and runner of the checks: each is one coroutine, prints one line, and has one minute."""

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

CHECK_TIMEOUT_S = 60
AT_ONCE = 6
REASON_LENGTH = 400

Check = Callable[[], Awaitable[None]]

_beside_others: list[tuple[str, Check]] = []
_at_the_end: list[tuple[str, Check]] = []


def check(title: str, at_the_end: bool = False) -> Callable[[Check], Check]:
    """Registers a coroutine function under the title that its line shows; at the end: after all others, alone."""

    def register(body: Check) -> Check:
        (_at_the_end if at_the_end else _beside_others).append((title, body))
        return body

    return register


def equal(actual: Any, expected: Any, what: str = "") -> None:
    """Fails unless both are the same as JSON, so that True and 1 differ."""
    if _canonical(actual) != _canonical(expected):
        raise AssertionError(f"{what}: {actual!r} instead of {expected!r}".removeprefix(": "))


async def run_all() -> bool:
    """Runs every check, a few at once, and prints their lines in the order of registration; true when none failed."""
    slots = asyncio.Semaphore(AT_ONCE)
    running = [asyncio.ensure_future(_run(title, body, slots)) for title, body in _beside_others]
    results = []
    for line in running:
        results.append(_report(*(await line)))
    for title, body in _at_the_end:
        results.append(_report(*(await _run(title, body, slots))))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed", flush=True)
    return all(results)


async def _run(title: str, body: Check, slots: asyncio.Semaphore) -> tuple[str, Exception | None]:
    async with slots:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await body()
        except Exception as error:
            return title, error
        return title, None


def _report(title: str, error: Exception | None) -> bool:
    if error is None:
        print(f"ok   {title}", flush=True)
        return True
    frames = traceback.extract_tb(error.__traceback__)
    at = next((frame for frame in reversed(frames) if frame.filename.endswith("_checks.py")), frames[-1])
    reason = f"{type(error).__name__} {str(error)[:REASON_LENGTH]}"
    print(f"FAIL {title}: {reason} ({at.name}, line {at.lineno})", flush=True)
    return False


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)
