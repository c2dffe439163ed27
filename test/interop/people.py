"""Who takes part in the checks: tokens of a tenant, and users with fresh ids so that no check sees another's traces."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any
from uuid import uuid4

from checks import equal
from client import Body, Connection, PushHandler, Refused
from follower import Follower

URL = os.environ.get("INTEROP_URL", "").removesuffix("/app")
SECRET = os.environ.get("JWT_SECRET", "")
TENANT = "interop"
TOKEN_LIFE_S = 600


def token(user: str, role: str = "customer", **claims: Any) -> str:
    """An HS256 JWT; claims replace and add, those that are None are left out."""
    payload = {"sub": user, "role": role, "tenantId": TENANT, "iat": int(time.time())}
    payload |= {"exp": int(time.time()) + TOKEN_LIFE_S, "name": f"Name of {user}", **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    signed = f"{_base64({'alg': 'HS256', 'typ': 'JWT'})}.{_base64(payload)}"
    digest = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64(digest)}"


def fresh(word: str) -> str:
    """An id that was not used before."""
    return f"{word}-{uuid4()}"


async def connected(
    user: str, role: str = "customer", path: str = "/app", on_push: PushHandler | None = None, **claims: Any
) -> Connection:
    connection = await Connection.open(URL + path, on_push)
    await connection.auth(token(user, role, **claims))
    return connection


async def couple() -> tuple[Connection, Connection, str]:
    """Two customers who are members of a new conversation and have joined it."""
    ana, luis = await connected(fresh("ana")), await connected(fresh("luis"))
    conversation_id = await conversation(ana, luis)
    await ana.call("join:conversation", conversationId=conversation_id)
    await luis.call("join:conversation", conversationId=conversation_id)
    return ana, luis, conversation_id


async def conversation(creator: Connection, *others: Connection) -> str:
    """Id of a new conversation of these users."""
    members = [other.session["userId"] for other in others]
    made = await creator.call("conversation:create", members=members, channel="web", id=fresh("conversation"))
    return made["conversation"]["id"]


def message(conversation_id: str, text: str = "Hola", **slots: Any) -> Body:
    """Body of a message:send with a new messageId."""
    return {"conversationId": conversation_id, "messageId": str(uuid4()), "type": "text", "text": text, **slots}


async def say(speaker: Connection, conversation_id: str, count: int, word: str = "m") -> list[str]:
    """Sends that many messages, pipelined; their texts in order."""
    messages = [message(conversation_id, f"{word} {number}") for number in range(count)]
    answers = [await speaker.start("message:send", **item) for item in messages]
    seqs = [(await answer)[1]["seq"] for answer in answers]
    equal(seqs, sorted(set(seqs)), "seqs of pipelined sends")
    return [item["text"] for item in messages]


def texts(entries: list[Body], since: int = 0) -> list[str]:
    """Texts of the text entries with a seq above `since`."""
    return [entry["text"] for entry in entries if entry["type"] == "text" and entry["seq"] > since]


async def close(*connections: Connection) -> None:
    for connection in connections:
        await connection.close()


async def following(user: str, role: str = "customer") -> Follower:
    """A client of that user that keeps views and an outbox, connected."""
    follower = Follower(f"{URL}/app", token(user, role))
    await follower.connect()
    return follower


async def reach(follower: Follower, conversation_id: str, seq: int) -> None:
    """Waits until the view of the conversation holds everything up to seq."""
    view = follower.views[conversation_id]
    while view.position is None or view.position < seq:
        await follower.live.push("message:new", lambda body: body["seq"] == seq)
        await asyncio.gather(*follower.repairs)


async def refused(attempt: Any, code: str) -> Refused:
    """Fails unless the awaited command is refused with that code."""
    try:
        answer = await attempt
    except Refused as error:
        if error.code == code:
            return error
        raise
    raise AssertionError(f"answered {answer!r} instead of {code}")


def _base64(value: bytes | dict[str, Any]) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
