"""Sending, acknowledging, repeating and paging messages (PROTOCOL.md §7, §8)."""


from checks import check, equal
from client import Body
from document import LIMITS
from people import close, connected, couple, fresh, message, refused

UNICODE = "Hola, ¿cómo estás? 😀 e\u0301 👨\u200d👩\u200d👧 中文 عربى"


@check("message: stored, acknowledged and pushed to both; the ack equals the entry")
async def send() -> None:
    ana, luis, conversation_id = await couple()
    sent = message(conversation_id, UNICODE, metadata={"list": [1, 2.5, None, True], "clientTs": 1790000000123})
    ack = await ana.call("message:send", **sent, first=True)
    for side in (luis, ana):
        entry = await side.push("message:new", lambda body: body["messageId"] == sent["messageId"])
        expected = {**sent, "id": ack["id"], "seq": ack["seq"], "createdAt": ack["sentAt"], "status": ack["status"]}
        expected |= {"sender": ana.session["userId"], "senderRole": "customer", "direction": "inbound"}
        equal(entry, expected)
    history = await luis.call("conversation:history", conversationId=conversation_id)
    equal(history["entries"][-1], entry)
    equal(history["head"], ack["seq"])
    await close(ana, luis)


@check("message: a repeat gets the same bytes, another content ID_REUSED, and nothing is stored twice")
async def repeat() -> None:
    ana, luis, conversation_id = await couple()
    sent = message(conversation_id)
    frames = [(await (await ana.start("message:send", **sent)))[0] for _ in range(3)]
    equal({frame[3:].hex() for frame in frames} == {frames[0][3:].hex()}, True, "bytes after the request id")
    for changed in ({"text": "Chau"}, {"metadata": {"a": 1}}, {"mediaId": "m-1"}, {"type": "image"}):
        await refused(ana.call("message:send", **{**sent, **changed}), "ID_REUSED")
    await luis.call("message:send", **sent)
    history = await ana.call("conversation:history", conversationId=conversation_id)
    senders = [entry["sender"] for entry in history["entries"] if entry["messageId"] == sent["messageId"]]
    equal(senders, [ana.session["userId"], luis.session["userId"]])
    await close(ana, luis)


@check("message: contents that the document forbids are INVALID_BODY")
async def invalid_contents() -> None:
    ana, luis, conversation_id = await couple()
    good = message(conversation_id)
    deep: Body = {"a": {"b": {"c": {"d": {}}}}}
    bad = [{"text": " \n"}, {"text": None}, {"text": "a" * (LIMITS["maxTextLength"] + 1)}, {"type": "system"}]
    bad += [{"type": "location"}, {"type": "location", "metadata": {"latitude": 91, "longitude": 0}}]
    bad += [{"messageId": good["messageId"].upper()}, {"messageId": "x"}, {"metadata": deep}]
    bad += [{"metadata": {str(key): 0 for key in range(LIMITS["maxMetadataKeys"] + 1)}}, {"metadata": {"a": "\0"}}]
    bad += [{"metadata": {"a": "x" * LIMITS["maxMetadataBytes"]}}, {"type": "image", "text": None}]
    for change in bad:
        try:
            await refused(ana.call("message:send", **{**good, **change}), "INVALID_BODY")
        except Exception as error:
            raise AssertionError(f"{str(change)[:60]}: {error!r}") from error
    place = {"latitude": -33.45, "longitude": -70.66}
    await ana.call("message:send", **{**good, "type": "location", "text": None, "metadata": place})
    entry = await luis.push("message:new", lambda body: body["type"] == "location")
    equal(entry["metadata"], place)
    await close(ana, luis)


@check("message: markup, NUL and overrides are removed; entries carry the result")
async def policy() -> None:
    ana, luis, conversation_id = await couple()
    await ana.call("message:send", **message(conversation_id, "<b>hola</b> 1 < 2 & \x00\u202eabc"))
    entry = await luis.push("message:new", lambda body: body["type"] == "text")
    equal(entry["text"], "hola 1 < 2 & abc")
    await refused(ana.call("message:send", **message(conversation_id, "<b></b>")), "INVALID_BODY")
    await close(ana, luis)


@check("message: ifLastSeq meets the entries of others as CONFLICT")
async def conflict() -> None:
    ana, luis, conversation_id = await couple()
    mine = await ana.call("message:send", **message(conversation_id))
    await ana.call("message:send", **message(conversation_id), ifLastSeq=mine["seq"] - 1)
    others = message(conversation_id, "Buenas")
    theirs = await luis.call("message:send", **others)
    refusal = await refused(ana.call("message:send", **message(conversation_id), ifLastSeq=mine["seq"]), "CONFLICT")
    equal(refusal.details["head"], theirs["seq"])
    newest = {key: value for key, value in refusal.details["entries"][-1].items() if value is not None}
    equal(newest, await ana.push("message:new", lambda body: body["messageId"] == others["messageId"]))
    equal(refusal.details["entries"][-1]["text"], "Buenas")
    await ana.call("message:send", **message(conversation_id), ifLastSeq=theirs["seq"])
    await close(ana, luis)


@check("message: a service sends without membership, also as somebody else")
async def service() -> None:
    ana, luis, conversation_id = await couple()
    gateway = await connected(fresh("gateway"), "service")
    await gateway.call("message:send", **message(conversation_id, "a"), actAs=luis.session["userId"])
    entry = await ana.push("message:new", lambda body: body.get("text") == "a")
    equal((entry["sender"], entry["senderRole"]), (luis.session["userId"], "customer"))
    await refused(ana.call("message:send", **message(conversation_id), actAs="max"), "ACCESS_DENIED")
    stranger = await connected(fresh("eva"))
    await refused(stranger.call("message:send", **message(conversation_id)), "NOT_FOUND")
    await close(ana, luis, gateway, stranger)


@check("history: pages before and after join without hole or overlap")
async def history() -> None:
    ana, luis, conversation_id = await couple()
    gateway = await connected(fresh("gateway"), "service")
    answers = [await gateway.start("message:send", **message(conversation_id, f"{n}")) for n in range(25)]
    head = max([(await answer)[1]["seq"] for answer in answers])
    newest = await ana.call("conversation:history", conversationId=conversation_id, limit=10)
    equal([entry["seq"] for entry in newest["entries"]], list(range(head - 9, head + 1)))
    equal(newest["more"], True)
    for direction in ("afterSeq", "beforeSeq"):
        seen: list[int] = []
        cursor, more = (0 if direction == "afterSeq" else head + 1), True
        while more:
            slots = {"conversationId": conversation_id, "limit": 7, direction: cursor}
            page = await ana.call("conversation:history", **slots)
            seqs = [entry["seq"] for entry in page["entries"]]
            seen = seen + seqs if direction == "afterSeq" else seqs + seen
            cursor, more = (seqs[-1] if direction == "afterSeq" else seqs[0]), page["more"]
        equal(seen, list(range(1, head + 1)), direction)
    both = {"beforeSeq": 5, "afterSeq": 2}
    await refused(ana.call("conversation:history", conversationId=conversation_id, **both), "INVALID_BODY")
    beyond = await ana.call("conversation:history", conversationId=conversation_id, afterSeq=head + 1)
    equal((len(beyond["entries"]), beyond["head"], beyond["more"]), (0, head, False), "after the head")
    await close(ana, luis, gateway)
