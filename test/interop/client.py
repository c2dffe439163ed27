"""One connection of PROTOCOL.md §2-§6: auth in the first frame, requests by id, pushes in the order they came.

A request ends with its reply, with Refused, or with Closed; never silently.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

import wire
from document import COMMANDS

ANSWER_TIMEOUT_S = 10
SUBPROTOCOL = Subprotocol("utalk.v1")
REPLY, ERROR = 0, 1

Body = dict[str, Any]
Answer = asyncio.Future[tuple[bytes, Body]]
PushHandler = Callable[[str, Body], None]


class Refused(Exception):
    """An error frame; request is 0 when the server could not read the request id."""

    def __init__(self, request: int, error: Body) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.request = request
        self.code: str = error["code"]
        self.retryable: bool = error["retryable"]
        self.retry_after_s: float = error.get("retryAfterMs", 0) / 1000
        self.details: Body = error.get("details", {})


class Closed(Exception):
    """The connection ended before the answer came."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed {code}")
        self.code = code


class Connection:
    """Use `await Connection.open(url)`, then `auth`; `close` or `cut` ends it."""

    def __init__(self, socket: ClientConnection, on_push: PushHandler | None) -> None:
        self.socket = socket
        self.session: Body = {}
        self.pushes: list[tuple[str, Body]] = []
        self.unaddressed: list[Refused] = []
        self.close_code: int | None = None
        self._on_push = on_push
        self._last_request = 0
        self._open: dict[int, tuple[str, Answer]] = {}
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, url: str, on_push: PushHandler | None = None, **options: Any) -> "Connection":
        """Opens the WebSocket; options are those of websockets.connect."""
        options.setdefault("subprotocols", [SUBPROTOCOL])
        socket = await connect(url, compression=None, max_size=None, proxy=None, ping_interval=None, **options)
        return cls(socket, on_push)

    async def auth(self, token: str | None, previous: str | None = None) -> Body:
        self.session = await self.call("auth", token=token, previousSessionId=previous, agent="interop/1.0")
        return self.session

    async def call(self, name: str, **body: Any) -> Body:
        """Sends a command and returns the body of its reply, by names."""
        answer = await self.start(name, **body)
        return (await asyncio.wait_for(answer, ANSWER_TIMEOUT_S))[1]

    async def start(self, name: str, **body: Any) -> Answer:
        """Sends a command; the future is the frame of its reply and the body in it."""
        self._last_request += 1
        return await self.start_frame(self._last_request, name, wire.command(name, self._last_request, body))

    async def start_frame(self, request: int, name: str, frame: bytes | str) -> Answer:
        """As start, with a frame that was made elsewhere."""
        answer: Answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._open[request] = (name, answer)
        try:
            await self.socket.send(frame)
        except ConnectionClosed:
            await self.closed()
        if self.close_code is not None and not answer.done():
            answer.set_exception(Closed(self.close_code))
        return answer

    async def push(
        self, name: str, where: Callable[[Body], bool] = lambda _: True, timeout_s: float = ANSWER_TIMEOUT_S
    ) -> Body:
        """The first push of that name, past or still to come, for which `where` holds."""
        return await self._first(
            lambda: [body for pushed, body in self.pushes if pushed == name and where(body)], timeout_s
        )

    async def refusal(self, index: int = 0) -> Refused:
        """The error with request id 0 at that index."""
        return await self._first(lambda: self.unaddressed[index : index + 1])

    async def closed(self) -> int:
        """Waits for the end and returns the close code."""
        await asyncio.wait([self._reader], timeout=ANSWER_TIMEOUT_S)
        if self.close_code is None:
            raise TimeoutError("the connection is still open")
        return self.close_code

    async def close(self) -> None:
        await self.socket.close()
        await self._reader

    def cut(self) -> None:
        """Breaks the TCP connection without a close frame."""
        self.socket.transport.abort()

    async def _first(self, found: Callable[[], list[Any]], timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        async with asyncio.timeout(timeout_s):
            while not found():
                if self.close_code is not None:
                    raise Closed(self.close_code)
                self._news.clear()
                await self._news.wait()
        return found()[0]

    async def _read(self) -> None:
        ended: Exception | None = None
        try:
            async for message in self.socket:
                self._take(message)
                self._news.set()
        except ConnectionClosed:
            pass
        except wire.ProtocolFault as fault:
            ended = fault
            self.cut()
        self.close_code = self.socket.close_code or 1006
        for _, answer in self._open.values():
            if not answer.done():
                answer.set_exception(ended or Closed(self.close_code))
        self._news.set()
        if ended is not None:
            raise ended

    def _take(self, message: bytes | str) -> None:
        if isinstance(message, str):
            raise wire.ProtocolFault("a text message from the server")
        frame = wire.decode(message)
        if not isinstance(frame, list) or not frame:
            raise wire.ProtocolFault("a frame that is no array")
        if frame[0] in (REPLY, ERROR):
            self._answer(message, *[*frame, None][:3])
            return
        pushed = wire.push_body(frame[0], frame[1] if len(frame) > 1 else None)
        if pushed is None:
            return
        self.pushes.append(pushed)
        if self._on_push is not None:
            self._on_push(*pushed)

    def _answer(self, message: bytes, kind: int, request: int, slots: list[Any] | None) -> None:
        name, answer = self._open.pop(request, (None, None))
        if kind == ERROR:
            refused = Refused(request, wire.unpack("Error", slots))
            if answer is None:
                self.unaddressed.append(refused)
            elif not answer.done():
                answer.set_exception(refused)
        elif answer is None or name is None:
            raise wire.ProtocolFault(f"a reply to request {request}, which is not open")
        elif not answer.done():
            answer.set_result((message, wire.unpack(COMMANDS[name].reply or "Empty", slots)))
