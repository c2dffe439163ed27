"""What the server does with frames of every kind, good and bad (PROTOCOL.md §3, §4, §6)."""

import asyncio

import wire
from checks import check, equal
from client import Connection, Refused
from document import CLOSE_CODES, COMMANDS, LIMITS
from people import connected, fresh, message, refused
from vector_checks import VECTORS


async def _bad_frame(connection: Connection, frame: bytes | str, request: int, index: int = 0) -> None:
    """Sends a malformed frame and expects BAD_FRAME under that request id."""
    if request == 0:
        await connection.socket.send(frame)
        equal((await connection.refusal(index)).code, "BAD_FRAME")
        return
    answer = await connection.start_frame(request, "ping", frame)
    await refused(answer, "BAD_FRAME")


@check("ping: answered with the time of the server")
async def ping() -> None:
    connection = await connected(fresh("ana"))
    earlier = connection.session["serverTime"]
    later = (await connection.call("ping"))["serverTime"]
    if later < earlier:
        raise AssertionError(f"{later} is before {earlier}")
    await connection.close()


@check("frames: every malformed vector is BAD_FRAME, under its request id when it can be read")
async def malformed() -> None:
    vectors = VECTORS["malformed"]
    user = fresh("ana")
    for start in range(0, len(vectors), 2):
        connection = await connected(user)
        for vector in vectors[start : start + 2]:
            index = len(connection.unaddressed)
            try:
                await _bad_frame(connection, bytes.fromhex(vector["hex"]), vector["id"], index)
            except (Refused, AssertionError, TimeoutError) as error:
                raise AssertionError(f"{vector['name']}: {error!r}") from error
        await connection.call("ping")
        await connection.close()


@check("frames: the third malformed one closes 4400, a text message counted")
async def third_bad_frame() -> None:
    connection = await connected(fresh("ana"))
    await _bad_frame(connection, b"\x90", 0)
    await _bad_frame(connection, "text", 0, index=1)
    await refused(connection.call("conversation:read"), "INVALID_BODY")
    await connection.call("ping")
    await _bad_frame(connection, b"\xc1", 0, index=2)
    equal(await connection.closed(), CLOSE_CODES["BAD_FRAMES"])


@check("frames: every other encoding of a command is taken")
async def accepted() -> None:
    for vector in VECTORS["accepted"]:
        connection = await connected(fresh("ana"))
        answer = await connection.start_frame(vector["id"], vector["op"], bytes.fromhex(vector["hex"]))
        try:
            await answer
        except Refused as error:
            equal(error.code, "NOT_FOUND", vector["name"])
        await connection.close()


@check("frames: unknown and reserved commands are UNKNOWN_COMMAND and no bad frames")
async def unknown_commands() -> None:
    connection = await connected(fresh("root"), "admin", "/admin")
    reserved = [op.number for op in COMMANDS.values() if not op.in_use]
    for request, op in enumerate([0, 1, 64, 94, 4711, 2**31, *reserved], start=1000):
        answer = await connection.start_frame(request, "ping", wire.encode([op, request, []]))
        await refused(answer, "UNKNOWN_COMMAND")
    await connection.call("ping")
    await connection.close()


@check("frames: beyond the budget they are RATE_LIMIT_EXCEEDED, and too many within ten seconds close 4429")
async def budget() -> None:
    connection = await connected(fresh("ana"))
    answers = [await connection.start("ping") for _ in range(150)]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    equal({(refusal.code, refusal.retryable) for refusal in refusals} == {("RATE_LIMIT_EXCEEDED", True)}, True)
    # The budget refills while a slow machine sends, so the burst is repeated.
    request = 1000
    while connection.close_code is None:
        burst = [(request + index, wire.command("ping", request + index, {})) for index in range(400)]
        answers = [await connection.start_frame(number, "ping", frame) for number, frame in burst]
        await asyncio.wait(answers)
        request += len(burst)
    equal(connection.close_code, CLOSE_CODES["FLOODING"])


@check("frames: too long is TOO_LARGE, far too long is cut")
async def long_frames() -> None:
    connection = await connected(fresh("ana"))
    text = "a" * LIMITS["maxFrameBytes"]
    await refused(connection.call("message:send", **message("order-42", text)), "TOO_LARGE")
    await connection.call("ping")
    await connection.start("message:send", **message("order-42", text * 3))
    code = await connection.closed()
    if code not in (CLOSE_CODES["TOO_BIG"], CLOSE_CODES["ABNORMAL"]):
        raise AssertionError(f"closed {code}")


@check("frames: replies carry their request ids when many are open")
async def many_open() -> None:
    connection = await connected(fresh("ana"))
    answers = [await connection.start("ping") for _ in range(40)]
    frames = [frame for frame, _ in await asyncio.gather(*answers)]
    ids = [wire.decode(frame)[1] for frame in frames]
    equal(ids, sorted(set(ids)))
    await connection.close()
