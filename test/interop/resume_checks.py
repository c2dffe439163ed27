"""Resuming without losing or doubling an entry (PROTOCOL.md §9, §13)."""

import asyncio

from checks import check, equal
from document import LIMITS
from follower import Follower, View
from people import (
    URL,
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
    token,
)


@check("resume: 30 missed messages come once each and in order")
async def resume() -> None:
    luis = await following(fresh("luis"))
    ana = await connected(fresh("ana"))
    gateway = await connected(fresh("gateway"), "service")
    conversation_id = await conversation(ana, luis.live)
    await luis.join(conversation_id)
    before = await say(gateway, conversation_id, 5, "before")
    await luis.live.push("message:new", lambda body: body.get("text") == before[-1])
    await luis.live.close()
    missed = await say(gateway, conversation_id, 30, "missed")
    synced = await luis.connect()
    brought = next(item for item in synced["conversations"] if item["conversation"]["id"] == conversation_id)
    equal(brought.get("reset"), None)
    equal(texts(brought["entries"]), missed)
    after = await say(gateway, conversation_id, 5, "after")
    await luis.live.push("message:new", lambda body: body.get("text") == after[-1])
    view = luis.views[conversation_id]
    equal(texts(view.entries), before + missed + after)
    seqs = [entry["seq"] for entry in view.entries]
    equal(seqs, list(range(seqs[0], seqs[0] + len(seqs))))
    synced = await luis.connect()
    equal([still["conversationId"] for still in synced["unchanged"]], [conversation_id])
    await luis.live.close()
    await close(ana, gateway)


@check("resume: many conversations share the bytes of one page, and paging brings the rest")
async def resume_many() -> None:
    user = fresh("luis")
    ana, luis = await connected(fresh("ana")), await connected(user)
    gateway = await connected(fresh("gateway"), "service")
    said = {}
    for _ in range(4):
        conversation_id = await conversation(ana, luis)
        said[conversation_id] = await say(gateway, conversation_id, 60, "m" * 2000)
    positions = [{"conversationId": conversation_id, "afterSeq": 0} for conversation_id in said]
    frame, synced = await (await luis.start("sync:state", positions=positions))
    if len(frame) > LIMITS["maxPageBytes"] or not any(result["more"] for result in synced["conversations"]):
        raise AssertionError(f"a reply of {len(frame)} bytes")
    follower = Follower(f"{URL}/app", token(user))
    follower.views = {conversation_id: View(conversation_id, position=0) for conversation_id in said}
    synced = await follower.connect()
    equal(len(synced["conversations"]), len(said))
    for conversation_id, expected in said.items():
        equal(texts(follower.views[conversation_id].entries), expected)
    await close(ana, luis, gateway, follower.live)


@check("resume: the more conversations one reply answers, the fewer entries each brings")
async def resume_short() -> None:
    ana, luis = await connected(fresh("ana")), await connected(fresh("luis"))
    gateway = await connected(fresh("gateway"), "service")
    here = {"conversationId": await conversation(ana, luis)}
    said = await say(gateway, here["conversationId"], 60)
    for asked, brought in ((1, 60), (25, 40), (LIMITS["maxPositions"], 5)):
        absent = [{"conversationId": fresh("absent")} for _ in range(asked - 1)]
        synced = await luis.call("sync:state", positions=[{**here, "afterSeq": 0}, *absent])
        (result,) = synced["conversations"]
        equal((texts(result["entries"]), result["more"]), (said[:brought], brought < len(said)))
        equal(len(synced["gone"]), len(absent))
    twice = [{**here, "afterSeq": 0}, {**here, "afterSeq": 58}]
    (result,) = (await luis.call("sync:state", positions=twice))["conversations"]
    equal(texts(result["entries"]), said[58:])
    await close(ana, luis, gateway)


@check("resume: a lost push is noticed as a hole and fetched")
async def hole() -> None:
    ana, also, conversation_id = await couple()
    luis = await following(also.session["userId"])
    before = await ana.call("message:send", **message(conversation_id, "before"))
    await reach(luis, conversation_id, before["seq"])
    luis.lose_push = lambda body: body["seq"] == before["seq"] + 1
    said = await say(ana, conversation_id, 3)
    await luis.live.push("message:new", lambda body: body["seq"] == before["seq"] + 3)
    view = luis.views[conversation_id]
    equal((view.position, view.hole), (before["seq"], True))
    await asyncio.gather(*luis.repairs)
    equal(texts(view.entries, since=before["seq"]), said)
    await close(ana, also, luis.live)


@check("resume: a position that does not fit the log brings reset")
async def reset() -> None:
    ana, luis, conversation_id = await couple()
    said = await say(ana, conversation_id, 4)
    here = {"conversationId": conversation_id}
    history = await luis.call("conversation:history", **here)
    last, before = history["entries"][-1], history["entries"][-2]
    fits = await luis.call("join:conversation", **here, afterSeq=before["seq"], afterId=before["id"])
    equal((fits.get("reset"), fits["entries"]), (None, [last]))
    for position in ({"afterSeq": before["seq"], "afterId": last["id"]}, {"afterSeq": last["seq"] + 1}):
        joined = await luis.call("join:conversation", **here, **position)
        equal((joined.get("reset"), texts(joined["entries"])), (True, said))
        synced = await luis.call("sync:state", positions=[{**here, **position}], syncId="s-1")
        equal((synced["conversations"][0].get("reset"), synced["syncId"]), (True, "s-1"))
    await close(ana, luis)
