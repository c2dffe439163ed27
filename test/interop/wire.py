"""Frames of PROTOCOL.md §3 and §4: MessagePack with its restrictions, and bodies between slots and names.

Whatever breaks a rule of the document, in either direction, raises ProtocolFault; nothing is repaired silently.
"""

import re
from typing import Any

import msgpack

from document import COMMAND_NAMES, COMMANDS, LIMITS, PUSH_NAMES, PUSHES, SHAPES

MAX_SAFE = 2**53 - 1


class ProtocolFault(Exception):
    """Bytes or a body that the document does not allow."""


def encode(value: Any) -> bytes:
    """One value in the shortest forms; integers outside -2^31...2^32-1 as float 64 (§3)."""
    return msgpack.packb(_for_the_wire(value))


def decode(frame: bytes) -> Any:
    """The one value of a frame; floats with an integral value come back as integers."""
    try:
        value = msgpack.unpackb(frame)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolFault(f"not a frame: {error!r}") from error
    return _from_the_wire(value)


def pack(shape: str, body: dict[str, Any]) -> list[Any]:
    """Slots of a body with names; trailing absent ones are dropped."""
    unknown = body.keys() - {slot.name for slot in SHAPES[shape]}
    if unknown:
        raise ProtocolFault(f"{shape} has no {unknown}")
    slots = [_convert(slot.type, body.get(slot.name), pack) for slot in SHAPES[shape]]
    while slots and slots[-1] is None:
        slots.pop()
    return slots


def unpack(shape: str, slots: list[Any] | None) -> dict[str, Any]:
    """Names of a body in slots; absent slots have no key, slots beyond the table are ignored."""
    body = {}
    slots = slots or []
    if not isinstance(slots, list):
        raise ProtocolFault(f"{shape} is no array")
    for index, slot in enumerate(SHAPES[shape]):
        value = slots[index] if index < len(slots) else None
        if value is None:
            if slot.required:
                raise ProtocolFault(f"{shape} comes without {slot.name}")
            continue
        if not _fits(slot.type, value):
            raise ProtocolFault(f"{slot.name} of {shape} is no {slot.type}: {value!r}")
        body[slot.name] = _convert(slot.type, value, unpack)
    return body


def command(name: str, request: int, body: dict[str, Any]) -> bytes:
    op = COMMANDS[name]
    return encode([op.number, request, pack(op.body, body)])


def read_command(frame: bytes) -> tuple[int, int, list[Any]]:
    """Op, request id and slots of a command, checked as a server has to check it."""
    value = decode(frame)
    depth, nodes = _measure(value)
    if depth > LIMITS["maxFrameDepth"] or nodes > LIMITS["maxFrameNodes"]:
        raise ProtocolFault("too deep, or too many values")
    if not isinstance(value, list) or len(value) < 2:
        raise ProtocolFault("no array of op, id and body")
    op, request, body = [*value, None][:3]
    if not _is_integer(request) or not 1 <= request < 2**32:
        raise ProtocolFault("no request id")
    if not _is_integer(op) or not 0 <= op < 2**32:
        raise ProtocolFault("no op")
    if body is not None and not isinstance(body, list):
        raise ProtocolFault("no body")
    return op, request, body or []


def command_body(op: int, slots: list[Any]) -> dict[str, Any]:
    return unpack(COMMANDS[COMMAND_NAMES[op]].body, slots)


def push_body(op: int, slots: list[Any] | None) -> tuple[str, dict[str, Any]] | None:
    """Name and body of a push; None for one that the document does not know."""
    name = PUSH_NAMES.get(op)
    return None if name is None else (name, unpack(PUSHES[name].body, slots))


def _convert(kind: str, value: Any, direction: Any) -> Any:
    shape = re.search(r"\*\*(.+)\*\*", kind)
    if value is None or shape is None:
        return value
    if kind.startswith("list"):
        return [direction(shape.group(1), item) for item in value]
    return direction(shape.group(1), value)


def _fits(kind: str, value: Any) -> bool:
    if kind.startswith("list"):
        return isinstance(value, list)
    if kind.startswith("**"):
        return isinstance(value, list)
    if kind.startswith(("time", "seq", "position", "epoch", "integer")):
        return _is_integer(value) and value >= (1 if kind == "seq" else 0)
    if kind.startswith("number"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "map":
        return isinstance(value, dict)
    if kind == "any value":
        return True
    if kind.startswith("`mine`"):
        return isinstance(value, list | str)
    return isinstance(value, str)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _for_the_wire(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _for_the_wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_for_the_wire(item) for item in value]
    return float(value) if _is_integer(value) and not -(2**31) <= value < 2**32 else value


def _from_the_wire(value: Any) -> Any:
    if isinstance(value, dict):
        if any(not isinstance(key, str) or key == "__proto__" for key in value):
            raise ProtocolFault("a map key that is no string, or __proto__")
        return {key: _from_the_wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_the_wire(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if _is_integer(value) and abs(value) > MAX_SAFE:
        raise ProtocolFault("an integer beyond 2^53-1")
    if value is not None and not isinstance(value, bool | int | float | str):
        raise ProtocolFault(f"a value that the protocol does not have: {value!r}")
    return value


def _measure(value: Any) -> tuple[int, int]:
    if not isinstance(value, dict | list):
        return 0, 1
    items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    measured = [_measure(item) for item in items]
    return 1 + max((depth for depth, _ in measured), default=0), 1 + sum(nodes for _, nodes in measured)
