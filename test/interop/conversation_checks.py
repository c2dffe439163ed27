"""Conversations, their members and who sees them (PROTOCOL.md §8, §12)."""

from checks import check, equal
from document import LIMITS
from people import close, connected, conversation, couple, fresh, message, refused, say


@check("conversation: create tells its members; the same id again makes no second one")
async def create() -> None:
    ana, luis = await connected(fresh("ana")), await connected(fresh("luis"))
    slots = {"members": [luis.session["userId"]], "channel": "web", "subject": "Pedido 42", "id": fresh("order")}
    made = await ana.call("conversation:create", **slots)
    equal(made["created"], True)
    shape = {key: made["conversation"].get(key) for key in ("id", "channel", "subject", "status", "createdBy")}
    expected = {"id": slots["id"], "channel": "web", "subject": "Pedido 42", "status": "open"}
    equal(shape, {**expected, "createdBy": ana.session["userId"]})
    told = await luis.push("conversation:new")
    equal(told["conversation"], made["conversation"])
    equal(sorted(told["participants"]), sorted([ana.session["userId"], luis.session["userId"]]))
    again = await ana.call("conversation:create", **slots)
    equal(again, {"conversation": made["conversation"], "created": False})
    await refused(luis.call("conversation:create", **{**slots, "members": []}), "ID_REUSED")
    listed = await luis.call("conversation:list")
    equal([item["conversation"]["id"] for item in listed["conversations"]], [slots["id"]])
    await close(ana, luis)


@check("members: changes are system entries; who was removed sees no more")
async def members() -> None:
    ana, luis, conversation_id = await couple()
    here = {"conversationId": conversation_id}
    eva, agent = await connected(fresh("eva")), await connected(fresh("agent"), "agent", "/agent")
    eva_id, luis_id = eva.session["userId"], luis.session["userId"]
    added = await agent.call("conversation:members", **here, add=[eva_id], reason="ayuda")
    equal(added["memberCount"], 3)
    entry = await luis.push("message:new", lambda body: body["seq"] == added["seq"])
    equal((entry["type"], entry["sender"], entry.get("text")), ("system", agent.session["userId"], None))
    equal((entry["metadata"]["event"], entry["metadata"]["reason"]), ("member:added", "ayuda"))
    equal(entry["metadata"]["users"], [{"userId": eva_id, "name": eva.session["name"], "role": "customer"}])
    equal((await eva.push("conversation:new"))["conversation"]["id"], conversation_id)
    changed = await luis.push("conversation:members", lambda body: body["seq"] == added["seq"])
    equal([member["userId"] for member in changed["added"]], [eva_id])
    for change in ({"remove": [eva_id]}, {"add": [fresh("max")]}):
        await refused(ana.call("conversation:members", **here, **change), "ACCESS_DENIED")
    left = await luis.call("conversation:members", **here, remove=[luis_id])
    last = await luis.push("message:new", lambda body: body["seq"] == left["seq"])
    equal(last["metadata"]["event"], "member:removed")
    required = await luis.push("sync:required")
    equal((required["reason"], required["conversationId"]), ("membership", conversation_id))
    await refused(luis.call("conversation:history", **here), "NOT_FOUND")
    await refused(luis.call("message:send", **message(conversation_id)), "NOT_FOUND")
    later = await ana.call("message:send", **message(conversation_id, "después"))
    await eva.call("join:conversation", **here)
    await luis.call("ping")
    equal([body for name, body in luis.pushes if name == "message:new" and body["seq"] >= later["seq"]], [])
    await close(ana, luis, eva, agent)


@check("tenants: a conversation of another tenant is NOT_FOUND for every command")
async def tenants() -> None:
    ana, luis, conversation_id = await couple()
    stranger = await connected(ana.session["userId"], "admin", tenantId="elsewhere")
    here = {"conversationId": conversation_id}
    for name in ("join:conversation", "conversation:history", "conversation:members", "typing:start"):
        await refused(stranger.call(name, **here), "NOT_FOUND")
    await refused(stranger.call("conversation:read", **here, seq=1), "NOT_FOUND")
    await refused(stranger.call("message:send", **message(conversation_id)), "NOT_FOUND")
    synced = await stranger.call("sync:state", positions=[{**here, "afterSeq": 0}], join=[conversation_id])
    equal((synced["gone"], synced["conversations"]), ([conversation_id], []))
    same_id = await stranger.call("conversation:create", members=[], channel="web", id=conversation_id)
    equal(same_id["created"], True)
    await close(ana, luis, stranger)


@check("list: pages of conversations, newest first, each once")
async def listing() -> None:
    ana = await connected(fresh("ana"))
    made = [await conversation(ana) for _ in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = await ana.call("conversation:list", cursor=cursor, limit=2)
        seen += [item["conversation"]["id"] for item in page["conversations"]]
        cursor = page.get("cursor")
        if cursor is None:
            break
    equal(seen, made[::-1])
    await close(ana)


@check("join: without a position the newest page, which ends at the head")
async def newest() -> None:
    ana, luis = await connected(fresh("ana")), await connected(fresh("luis"))
    gateway = await connected(fresh("gateway"), "service")
    for count, word in ((60, "m"), (60, "x" * 6000)):
        here = {"conversationId": await conversation(ana, luis)}
        await say(gateway, here["conversationId"], count, word)
        joined = await luis.call("join:conversation", **here)
        synced = await luis.call("sync:state", positions=[here])
        for page in (joined, synced["conversations"][0]):
            seqs = [entry["seq"] for entry in page["entries"]]
            equal((seqs[-1], page["head"], page["more"]), (count, count, False), f"newest page of {word[0]} {seqs}")
            if len(seqs) > LIMITS["defaultHistoryPage"]:
                raise AssertionError(f"a newest page of {len(seqs)} entries")
    await close(ana, luis, gateway)


@check("joins: others come in one command, refused ones by name")
async def joined_others() -> None:
    ana = await connected(fresh("ana"))
    first, second, absent = await conversation(ana), await conversation(ana), fresh("absent")
    others = [{"conversationId": second}, {"conversationId": absent}]
    joined = await ana.call("join:conversation", conversationId=first, others=others)
    equal(joined["conversation"]["id"], first)
    equal([result["conversation"]["id"] for result in joined["others"]], [second])
    equal(joined["refused"], [{"conversationId": absent, "code": "NOT_FOUND"}])
    await refused(ana.call("join:conversation", conversationId=absent, others=[{"conversationId": first}]), "NOT_FOUND")
    await ana.close()


@check("joins: leave ends the pushes, conversation:updated takes their place")
async def left() -> None:
    ana, luis, conversation_id = await couple()
    equal(await luis.call("leave:conversation", conversationId=conversation_id), {})
    ack = await ana.call("message:send", **message(conversation_id))
    updated = await luis.push("conversation:updated", lambda body: body["head"] == ack["seq"])
    equal((updated["conversation"]["id"], updated["unreadCount"]), (conversation_id, 1))
    equal(updated["lastMessage"]["id"], ack["id"])
    equal([body for name, body in luis.pushes if name == "message:new" and body["seq"] == ack["seq"]], [])
    await close(ana, luis)
