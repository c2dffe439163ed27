"""Watermarks and typing between two users (PROTOCOL.md §10, §11)."""

from checks import check, equal
from document import LIMITS
from people import close, couple, fresh, message, refused


@check("watermarks: read and delivered rise, are pushed to both, never fall, and stop at the head")
async def watermarks() -> None:
    ana, luis, conversation_id = await couple()
    first = await ana.call("message:send", **message(conversation_id, "a"))
    last = await ana.call("message:send", **message(conversation_id, "b"))
    reader = luis.session["userId"]
    position = {"conversationId": conversation_id, "seq": last["seq"]}
    absent = {"conversationId": fresh("absent"), "seq": 1}
    reply = await luis.call("conversation:delivered", conversations=[position, absent])
    equal(reply, {"refused": [{"conversationId": absent["conversationId"], "code": "NOT_FOUND"}]})
    for side in (ana, luis):
        pushed = await side.push("message:delivered", lambda body: body["userId"] == reader)
        equal((pushed["conversationId"], pushed["seq"]), (conversation_id, last["seq"]))
    marks = {"readSeq": first["seq"], "deliveredSeq": last["seq"]}
    expected = {"conversationId": conversation_id, **marks, "unreadCount": 1}
    equal(await luis.call("conversation:read", conversationId=conversation_id, messageId=first["id"]), expected)
    pushed = await ana.push("message:read", lambda body: body["userId"] == reader)
    equal((pushed["conversationId"], pushed["seq"]), (conversation_id, first["seq"]))
    equal(await luis.call("conversation:read", conversationId=conversation_id, seq=0), expected)
    above = {"conversationId": conversation_id, "seq": last["seq"] + 1}
    equal((await refused(luis.call("conversation:read", **above), "INVALID_BODY")).details["head"], last["seq"])
    joined = await luis.call("join:conversation", conversationId=conversation_id)
    member = next(member for member in joined["members"] if member["userId"] == reader)
    equal({name: member[name] for name in marks}, marks)
    equal(joined["unreadCount"], 1)
    await close(ana, luis)


@check("typing: start and stop are pushed; the lease ends by itself")
async def typing() -> None:
    ana, luis, conversation_id = await couple()
    typist = {"conversationId": conversation_id, "userId": ana.session["userId"]}
    equal(await ana.call("typing:start", conversationId=conversation_id), {"accepted": True})
    equal(await luis.push("typing:start"), {**typist, "durationMs": LIMITS["typingLeaseMs"]})
    equal(await ana.call("typing:stop", conversationId=conversation_id), {"accepted": True})
    equal(await luis.push("typing:stop"), typist)
    luis.pushes.clear()
    await ana.call("typing:start", conversationId=conversation_id)
    await luis.push("typing:start")
    equal(await luis.push("typing:stop"), typist)
    await close(ana, luis)
