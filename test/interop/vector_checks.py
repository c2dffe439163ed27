"""vectors.json (PROTOCOL.md §21) against this client's codec: every frame in both directions, byte for byte."""

import json
from typing import Any

import wire
from checks import check, equal
from document import COMMANDS, PROTOCOL, PUSHES, SHAPES

VECTORS = json.loads((PROTOCOL / "vectors.json").read_text(encoding="utf-8"))


def _shape(vector: dict[str, Any]) -> str:
    if vector["direction"] == "error":
        return "Error"
    if vector["direction"] == "push":
        return PUSHES[vector["op"]].body
    op = COMMANDS[vector["op"]]
    return op.body if vector["direction"] == "command" else op.reply


def _head(vector: dict[str, Any]) -> list[int]:
    match vector["direction"]:
        case "command":
            return [COMMANDS[vector["op"]].number, vector["id"]]
        case "push":
            return [PUSHES[vector["op"]].number]
        case "reply":
            return [0, vector["id"]]
        case _:
            return [1, vector["id"]]


@check("vectors: every frame encodes to its bytes")
async def frames_encode() -> None:
    for vector in VECTORS["frames"]:
        frame = wire.encode([*_head(vector), wire.pack(_shape(vector), vector["body"])])
        equal(frame.hex(), vector["hex"], vector["name"])


@check("vectors: every frame decodes to its body")
async def frames_decode() -> None:
    for vector in VECTORS["frames"]:
        *head, slots = wire.decode(bytes.fromhex(vector["hex"]))
        equal(head, _head(vector), vector["name"])
        equal(wire.unpack(_shape(vector), slots), vector["body"], vector["name"])


@check("vectors: other encodings of commands are taken")
async def accepted() -> None:
    for vector in VECTORS["accepted"]:
        op, request, slots = wire.read_command(bytes.fromhex(vector["hex"]))
        equal((op, request), (COMMANDS[vector["op"]].number, vector["id"]), vector["name"])
        equal(wire.command_body(op, slots), vector["body"], vector["name"])


@check("vectors: every malformed frame is refused")
async def malformed() -> None:
    for vector in VECTORS["malformed"]:
        try:
            wire.read_command(bytes.fromhex(vector["hex"]))
        except wire.ProtocolFault:
            continue
        raise AssertionError(f"{vector['name']} was taken")


@check("vectors: every command, reply and push of the tables has one")
async def coverage() -> None:
    seen = {(vector["direction"], vector.get("op")) for vector in VECTORS["frames"]}
    missing = [name for name in COMMANDS if ("command", name) not in seen]
    missing += [name for name in PUSHES if ("push", name) not in seen]
    replies = {_shape(vector) for vector in VECTORS["frames"] if vector["direction"] == "reply"}
    missing += [op.reply for op in COMMANDS.values() if op.reply not in replies]
    equal(missing, [])
    named = {_shape(vector) for vector in VECTORS["frames"]}
    equal(named - SHAPES.keys(), set())
