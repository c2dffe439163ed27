"""Order of sends, through pipelining, refusals and broken connections (PROTOCOL.md §7)."""

import asyncio

from checks import check, equal
from client import Closed, Refused
from people import (
    close,
    connected,
    conversation,
    couple,
    following,
    fresh,
    message,
    reach,
    say,
    texts,
)


@check("order: 50 pipelined sends keep their order, in acks, pushes and history")
async def pipelined() -> None:
    ana, luis, conversation_id = await couple()
    gateway = await connected(fresh("gateway"), "service")
    said = await say(gateway, conversation_id, 50)
    await luis.push("message:new", lambda body: body.get("text") == said[-1])
    pushed = [body for name, body in luis.pushes if name == "message:new"]
    equal(texts(pushed), said)
    seqs = [entry["seq"] for entry in pushed]
    equal(seqs, list(range(seqs[0], seqs[0] + len(seqs))), "seqs of pushes have no hole")
    page = await ana.call("conversation:history", conversationId=conversation_id, limit=100)
    equal(texts(page["entries"]), said)
    await close(ana, luis, gateway)


@check("order: behind a retryable refusal every send is refused until the first one comes again")
async def gate() -> None:
    ana = await connected(fresh("ana"))
    here, elsewhere = await conversation(ana), await conversation(ana)
    burst = ana.session["limits"]["rates"]["message:send"]["burst"]
    messages = [message(here, f"m {number}") for number in range(burst + 10)]
    answers = [await ana.start("message:send", **item) for item in messages]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    stored = [outcome for outcome in outcomes if not isinstance(outcome, Refused)]
    oldest = outcomes[len(stored)]
    equal((oldest.code, oldest.retryable, oldest.details["limit"]), ("RATE_LIMIT_EXCEEDED", True, 60))
    equal([outcome.retryable for outcome in outcomes[len(stored) :]], [True] * (len(messages) - len(stored)))
    equal([body["seq"] for _, body in stored], list(range(1, len(stored) + 1)))
    await asyncio.sleep(oldest.retry_after_s)
    behind = await ana.start("message:send", **messages[-1])
    refusal = (await asyncio.gather(behind, return_exceptions=True))[0]
    equal((isinstance(refusal, Refused), refusal.retryable), (True, True))
    await asyncio.sleep(2.5 * oldest.retry_after_s)
    await ana.call("message:send", **message(elsewhere))
    again = await ana.call("message:send", **messages[len(stored)], first=True)
    equal(again["seq"], len(stored) + 1)
    await ana.close()


@check("order: sends beyond the rate are refused, repeated, and still stored once each and in order")
async def beyond_the_rate() -> None:
    ana = await following(fresh("ana"))
    conversation_id = await conversation(ana.live)
    await ana.join(conversation_id)
    burst = ana.live.session["limits"]["rates"]["message:send"]["burst"]
    said = [f"m {number}" for number in range(burst + 3)]
    ids = [ana.write(conversation_id, text) for text in said]
    await ana.flush(conversation_id)
    if ana.resent == 0:
        raise AssertionError("nothing was refused")
    seqs = [ana.acks[message_id]["seq"] for message_id in ids]
    equal(seqs, sorted(set(seqs)))
    await reach(ana, conversation_id, seqs[-1])
    equal(texts(ana.views[conversation_id].entries), said)
    await ana.live.close()


@check("broken connections: every message of a stream is stored once and in order")
async def broken() -> None:
    ana, luis = await connected(fresh("ana")), await following(fresh("luis"))
    conversation_id = await conversation(ana, luis.live)
    await luis.join(conversation_id)
    sender = await following(fresh("gateway"), "service")
    said: list[str] = []
    ids: list[str] = []
    for attempt, deaf in enumerate((True, False, True, False)):
        batch = [f"{attempt} {number} " + "x" * 500 for number in range(75)]
        said += batch
        ids += [sender.write(conversation_id, text) for text in batch]
        if deaf:  # stored and pushed, and the acknowledgements never seen
            sender.live.socket.transport.pause_reading()
        flushing = asyncio.ensure_future(sender.flush(conversation_id))
        await luis.live.push("message:new", lambda body, text=batch[10]: body.get("text") == text)
        sender.live.cut()
        [outcome] = await asyncio.gather(flushing, return_exceptions=True)
        if deaf:
            equal(isinstance(outcome, Closed), True)
        await sender.connect()
    await sender.flush(conversation_id)
    await reach(luis, conversation_id, sender.acks[ids[-1]]["seq"])
    entries = [entry for entry in luis.views[conversation_id].entries if entry["type"] == "text"]
    equal([entry["text"] for entry in entries], said)
    acks = [sender.acks[message_id] for message_id in ids]
    equal([(ack["id"], ack["seq"]) for ack in acks], [(entry["id"], entry["seq"]) for entry in entries])
    await close(ana, luis.live, sender.live)
