"""Connecting, authenticating and ending (PROTOCOL.md §2, §5, §6)."""

import asyncio
import os
import signal
import time
from typing import Any

from websockets.exceptions import InvalidStatus

from checks import check, equal
from client import SUBPROTOCOL, Connection
from document import CLOSE_CODES, LIMITS
from people import TENANT, URL, connected, fresh, refused, token


@check("auth: a good token opens the session; subprotocol echoed")
async def good_token() -> None:
    user = fresh("ana")
    connection = await Connection.open(f"{URL}/app")
    equal(connection.socket.subprotocol, SUBPROTOCOL)
    expires = int(time.time()) + 300
    session = await connection.auth(token(user, exp=expires, email="ana@example.com", workspaceId="north"))
    expected = {"userId": user, "name": f"Name of {user}", "role": "customer", "tenantId": TENANT}
    expected |= {"workspaceId": "north", "tokenExpiresAt": expires * 1000, "email": "ana@example.com"}
    equal({key: session.get(key) for key in expected}, expected)
    integers = {key: value for key, value in session["limits"].items() if key not in ("rates", "joinedConversations")}
    equal(integers, {key: LIMITS[key] for key in integers})
    equal(session["limits"]["joinedConversations"], 500)
    await connection.close()
    equal(connection.close_code, CLOSE_CODES["NORMAL"])


@check("auth: a bad, an expired and an incomplete token are refused, then 4401")
async def bad_tokens() -> None:
    user = fresh("ana")
    outdated = int(time.time()) - 3600
    bad = [token(user)[:-4] + "AAAA", token(user, exp=outdated), token(user, exp=None), token(user, sub=None), "x"]
    for text in bad:
        connection = await Connection.open(f"{URL}/app")
        await refused(connection.auth(text), "NOT_AUTHENTICATED")
        equal(await connection.closed(), CLOSE_CODES["AUTH_FAILED"])


@check("auth: paths admit their roles; others are ACCESS_DENIED, then 4403")
async def roles_of_paths() -> None:
    admitted = {"/": "customer", "/agent": "agent", "/admin": "admin"}
    for path, role in admitted.items():
        await (await connected(fresh(role), role, path)).close()
    for path, role in {"/agent": "customer", "/admin": "agent"}.items():
        connection = await Connection.open(URL + path)
        await refused(connection.auth(token(fresh("user"), role)), "ACCESS_DENIED")
        equal(await connection.closed(), CLOSE_CODES["EXPELLED"])


@check("auth: the token may come with the upgrade")
async def token_in_upgrade() -> None:
    user = fresh("ana")
    by_header: dict[str, Any] = {"additional_headers": {"Authorization": f"Bearer {token(user)}"}}
    by_protocol: dict[str, Any] = {"subprotocols": [SUBPROTOCOL, f"utalk.token.{token(user)}"]}
    for options in (by_header, by_protocol):
        connection = await Connection.open(f"{URL}/app", **options)
        equal(connection.socket.subprotocol, SUBPROTOCOL)
        equal((await connection.auth(None))["userId"], user)
        await connection.close()


@check("upgrade: refusals carry their HTTP status")
async def upgrade_refusals() -> None:
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (400, "/app", {"subprotocols": ["other.v9"]}),
        (400, f"/app?token={token('ana')}", {}),
        (401, "/app", {"additional_headers": {"Authorization": "Bearer x"}}),
        (403, "/app", {"origin": "https://elsewhere.example"}),
        (404, "/nowhere", {}),
    ]
    for status, path, options in cases:
        try:
            await Connection.open(URL + path, **options)
        except InvalidStatus as error:
            equal(error.response.status_code, status, path)
        else:
            raise AssertionError(f"{path} {options} was accepted instead of {status}")
    without = await Connection.open(f"{URL}/app", subprotocols=None)
    await without.auth(token(fresh("ana")))
    await without.close()


@check("auth: commands before it and a second one are NOT_AUTHENTICATED; frames behind it wait")
async def order_of_auth() -> None:
    connection = await Connection.open(f"{URL}/app")
    await refused(connection.call("ping"), "NOT_AUTHENTICATED")
    first = await connection.start("auth", token=token(fresh("ana")))
    flight = [await connection.start("ping") for _ in range(20)]
    await asyncio.gather(first, *flight)
    await refused(connection.auth(token(fresh("ana"))), "NOT_AUTHENTICATED")
    await connection.call("ping")
    await connection.close()


@check("auth: more frames than may wait behind it close 4429")
async def impatient() -> None:
    connection = await Connection.open(f"{URL}/app")
    await connection.start("auth", token=token(fresh("ana")))
    for _ in range(LIMITS["maxFramesBeforeAuth"] + 1):
        await connection.start("ping")
    equal(await connection.closed(), CLOSE_CODES["FLOODING"])


@check("auth: refresh moves the expiry; another user is ACCESS_DENIED, a bad token NOT_AUTHENTICATED")
async def refresh() -> None:
    user = fresh("ana")
    connection = await connected(user)
    expires = int(time.time()) + 1200
    renewed = await connection.call("auth:refresh", token=token(user, exp=expires))
    equal(renewed["tokenExpiresAt"], expires * 1000)
    await refused(connection.call("auth:refresh", token=token(fresh("luis"))), "ACCESS_DENIED")
    await refused(connection.call("auth:refresh", token="x"), "NOT_AUTHENTICATED")
    await connection.call("ping")
    await refused(connection.call("auth:refresh", token=token(user, "agent")), "NOT_AUTHENTICATED")
    equal(await connection.closed(), CLOSE_CODES["AUTH_FAILED"])


@check("expiry: token:expiring comes before exp")
async def expiring() -> None:
    expires = int(time.time()) + 30
    connection = await connected(fresh("ana"), exp=expires)
    equal((await connection.push("token:expiring"))["expiresAt"], expires * 1000)
    await connection.close()


@check("session: a successor that names its predecessor ends it with 4409")
async def succession() -> None:
    user = fresh("ana")
    before = await connected(user)
    after = await Connection.open(f"{URL}/app")
    await after.auth(token(user), before.session["sessionId"])
    equal(await before.closed(), CLOSE_CODES["REPLACED"])
    await after.call("ping")
    await after.close()


@check("session: without auth it is closed 4408")
async def auth_timeout() -> None:
    connection = await Connection.open(f"{URL}/app")
    equal(await connection.closed(), CLOSE_CODES["AUTH_TIMEOUT"])


@check("admin: expel and deactivate end sessions with 4403 and refuse old tokens")
async def expelled() -> None:
    user = fresh("ana")
    issued_before = token(user, iat=int(time.time()) - 5)
    target = await connected(user)
    admin = await connected(fresh("root"), "admin", "/admin")
    reply = await admin.call("user:expel", userId=user, reason="account_suspended", message="¡Adiós!")
    equal(reply, {"sessions": 1})
    equal(await target.push("user:expelled"), {"reason": "account_suspended", "message": "¡Adiós!"})
    equal(await target.closed(), CLOSE_CODES["EXPELLED"])
    again = await Connection.open(f"{URL}/app")
    await refused(again.auth(issued_before), "NOT_AUTHENTICATED")
    equal(await again.closed(), CLOSE_CODES["AUTH_FAILED"])
    other = fresh("luis")
    target = await connected(other)
    equal(await admin.call("user:activate", userId=other, active=False), {"userId": other, "active": False})
    equal(await target.closed(), CLOSE_CODES["EXPELLED"])
    again = await Connection.open(f"{URL}/app")
    await refused(again.auth(token(other)), "ACCESS_DENIED")
    equal(await again.closed(), CLOSE_CODES["EXPELLED"])
    await admin.call("user:activate", userId=other, active=True)
    await (await connected(other)).close()
    await admin.close()


@check("session: the server proves that it lives")
async def alive() -> None:
    connection = await connected(fresh("ana"))
    interval_s = LIMITS["aliveIntervalMs"] / 1000
    await connection.push("alive", timeout_s=interval_s * 1.5)
    await connection.close()


@check("draining: SIGTERM gives a slot to come back in, then 1012", at_the_end=True)
async def draining() -> None:
    connection = await connected(fresh("ana"))
    os.kill(int(os.environ["INTEROP_SERVER_PID"]), signal.SIGTERM)
    shutdown = await connection.push("server:shutdown")
    await connection.call("ping")
    equal(await connection.closed(), CLOSE_CODES["RESTART"])
    if shutdown["reconnectInMs"] > int(os.environ["UTALK_DRAIN_WINDOW_MS"]):
        raise AssertionError(f"{shutdown} is beyond the window")
