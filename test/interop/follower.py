"""A client that loses nothing and doubles nothing (PROTOCOL.md §9 and §13): views by seq, an outbox, one connection.

A view shows an entry only when it holds every entry before it; an outbox keeps a message until its fate is known.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from client import ANSWER_TIMEOUT_S, Body, Connection, Refused

HOLE_TIMEOUT_S = 1.0


class View:
    """The entries of one conversation, without a hole from where the view begins up to `position`."""

    def __init__(self, conversation_id: str, position: int | None = None) -> None:
        self.conversation_id = conversation_id
        self.position = position
        self.head = 0
        self.entries: list[Body] = []
        self._aside: dict[int, Body] = {}
        self.resuming = False

    @property
    def hole(self) -> bool:
        return self.position is None or self.position < self.head or bool(self._aside)

    def resume(self) -> Body:
        """Position as join:conversation and sync:state take it; until the answer pushes are only kept aside.

        They may overtake the reply, and if the log went back they must not be compared with the old position.
        """
        self.resuming = True
        self._aside.clear()
        stand: Body = {"conversationId": self.conversation_id, "afterSeq": self.position}
        return stand | ({"afterId": self.entries[-1]["id"]} if self.entries else {})

    def joined(self, result: Body) -> None:
        """Takes a JoinResult; a reset, and the first one, begin the view anew."""
        if result.get("reset"):
            self.entries, self.position, self.head = [], None, 0
        if self.position is not None:
            self.position = max(self.position, result["visibleFromSeq"] - 1)
        elif result["head"] == 0:
            self.position = 0
        self.resumed()
        self.page(result["entries"], result["head"])

    def resumed(self) -> None:
        """The answer to a resume is there."""
        self.resuming = False
        self._settle()

    def page(self, entries: list[Body], head: int) -> None:
        """Takes entries in rising order, from a reply."""
        self.head = max(self.head, head)
        if self.position is None and entries:
            self.position = entries[0]["seq"] - 1
        self._aside |= {entry["seq"]: entry for entry in entries}
        self._settle()

    def push(self, entry: Body) -> None:
        self._aside[entry["seq"]] = entry
        self._settle()

    def _settle(self) -> None:
        if self.position is None or self.resuming:
            return
        while self.position + 1 in self._aside:
            self.position += 1
            self.entries.append(self._aside.pop(self.position))
        self._aside = {seq: entry for seq, entry in self._aside.items() if seq > self.position}


class Follower:
    """One user on one connection at a time; views and outbox outlive it. For at most maxPositions conversations."""

    def __init__(self, url: str, token: str) -> None:
        self.views: dict[str, View] = {}
        self.outbox: dict[str, list[Body]] = {}
        self.acks: dict[str, Body] = {}
        self.rejected: dict[str, Refused] = {}
        self.connection: Connection | None = None
        self.resent = 0
        self.repairs: list[asyncio.Task[None]] = []
        self.lose_push: Callable[[Body], bool] = lambda _: False
        self._url = url
        self._token = token

    async def connect(self) -> Body:
        """Connects as the successor of the session before, and catches up all views in one flight with auth."""
        previous = self.connection.session.get("sessionId") if self.connection else None
        self.connection = connection = await Connection.open(self._url, self._pushed)
        session = await connection.start("auth", token=self._token, previousSessionId=previous)
        positions = [view.resume() for view in self.views.values()]
        answer = await connection.start("sync:state", positions=positions, join="mine")
        connection.session = (await session)[1]
        synced = (await answer)[1]
        for result in synced["conversations"]:
            self._view(result["conversation"]["id"]).joined(result)
        for conversation_id in synced["gone"]:
            self.views.pop(conversation_id, None)
        for view in self.views.values():
            view.resumed()
            await self.repair(view)
        return synced

    async def join(self, conversation_id: str) -> Body:
        view = self._view(conversation_id)
        result = await self.live.call("join:conversation", **view.resume())
        view.joined(result)
        await self.repair(view)
        return result

    async def repair(self, view: View) -> None:
        """Pages history until the view has reached the head it knows of."""
        while view.hole:
            cursor = {} if view.position is None else {"afterSeq": view.position}
            before = view.position
            page = await self.live.call("conversation:history", conversationId=view.conversation_id, **cursor)
            view.page(page["entries"], page["head"])
            if view.position == before:
                raise AssertionError(f"history brings nothing after {before}, the head is {view.head}")

    def write(self, conversation_id: str, text: str) -> str:
        """Puts a message into the outbox and returns its messageId; `flush` sends it."""
        message = {"conversationId": conversation_id, "messageId": str(uuid4()), "type": "text", "text": text}
        self.outbox.setdefault(conversation_id, []).append(message)
        return message["messageId"]

    async def flush(self, conversation_id: str) -> None:
        """Sends the outbox of a conversation in order until it is empty (§7); Closed when the connection ends."""
        waiting = self.outbox.get(conversation_id, [])
        while waiting:
            batch = list(waiting)
            answers = [
                await self.live.start("message:send", **message, first=index == 0 or None)
                for index, message in enumerate(batch)
            ]
            outcomes = await asyncio.gather(
                *(asyncio.wait_for(answer, ANSWER_TIMEOUT_S) for answer in answers), return_exceptions=True
            )
            pause_s = 0.0
            for message, outcome in zip(batch, outcomes, strict=True):
                pause_s = max(pause_s, self._settle(message, outcome))
            lost = next((outcome for outcome in outcomes if not _is_answer(outcome)), None)
            if lost is not None:
                raise lost
            self.resent += len(waiting)
            if waiting:
                await asyncio.sleep(pause_s)

    @property
    def live(self) -> Connection:
        if self.connection is None:
            raise AssertionError("not connected")
        return self.connection

    def _settle(self, message: Body, outcome: Any) -> float:
        """Notes what became of a message; seconds to wait when it is to be sent again."""
        if isinstance(outcome, Refused) and outcome.retryable:
            return outcome.retry_after_s
        if isinstance(outcome, tuple):
            self.acks[message["messageId"]] = outcome[1]
            self.outbox[message["conversationId"]].remove(message)
        elif isinstance(outcome, Refused):
            self.rejected[message["messageId"]] = outcome
            self.outbox[message["conversationId"]].remove(message)
        return 0.0

    def _view(self, conversation_id: str) -> View:
        return self.views.setdefault(conversation_id, View(conversation_id))

    def _pushed(self, name: str, body: Body) -> None:
        if name != "message:new" or self.lose_push(body):
            return
        view = self._view(body["conversationId"])
        view.push(body)
        if view.hole:
            self.repairs.append(asyncio.ensure_future(self._repair_later(view)))

    async def _repair_later(self, view: View) -> None:
        await asyncio.sleep(HOLE_TIMEOUT_S)
        if view.hole and not view.resuming and self.live.close_code is None:
            await self.repair(view)


def _is_answer(outcome: Any) -> bool:
    return isinstance(outcome, tuple | Refused | TimeoutError)
