"""The tables of PROTOCOL.md §15-§20, read from the document: what stands there is all that this client knows."""

import re
from pathlib import Path
from typing import NamedTuple

PROTOCOL = Path(__file__).resolve().parents[2] / "protocol"


class Slot(NamedTuple):
    name: str
    type: str
    required: bool


class Op(NamedTuple):
    number: int
    name: str
    in_use: bool
    body: str
    reply: str | None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _block(text: str, name: str) -> list[str]:
    found = re.search(rf"<!-- generated: {name} -->\n(.*?)<!-- end of {name} -->", text, re.S)
    if found is None:
        raise ValueError(f"PROTOCOL.md has no table {name}")
    return found.group(1).splitlines()


def _rows(lines: list[str]) -> list[list[str]]:
    return [_cells(line) for line in lines if line.startswith("|")][2:]


def _ops(lines: list[str], has_reply: bool) -> dict[str, Op]:
    ops = {}
    for row in _rows(lines):
        number, name, state, body = row[:4]
        reply = row[4].strip("*") if has_reply else None
        ops[name.strip("`")] = Op(int(number), name.strip("`"), state == "in use", body.strip("*"), reply)
    return ops


def _shapes(lines: list[str]) -> dict[str, list[Slot]]:
    shapes: dict[str, list[Slot]] = {}
    name = ""
    for line in lines:
        heading = re.fullmatch(r"\*\*(.+)\*\*", line)
        if heading:
            name = heading.group(1)
            shapes[name] = []
        elif re.match(r"\| \d+ \|", line):
            slot, field, kind, required = _cells(line)[:4]
            if int(slot) != len(shapes[name]):
                raise ValueError(f"slots of {name} are not numbered 0, 1, 2 ...")
            shapes[name].append(Slot(field.strip("`"), kind, required == "yes"))
    return shapes


_text = (PROTOCOL / "PROTOCOL.md").read_text(encoding="utf-8")

COMMANDS = _ops(_block(_text, "commands"), has_reply=True)
PUSHES = _ops(_block(_text, "pushes"), has_reply=False)
SHAPES = _shapes(_block(_text, "shapes"))
ERRORS = {row[0].strip("`"): row[1] == "yes" for row in _rows(_block(_text, "errors"))}
CLOSE_CODES = {row[1].strip("`"): int(row[0]) for row in _rows(_block(_text, "close-codes"))}
LIMITS = {
    row[0].strip("`"): int(row[1].replace(" ", ""))
    for row in _rows(_block(_text, "limits"))
    if re.fullmatch(r"[\d ]+", row[1])
}

COMMAND_NAMES = {op.number: op.name for op in COMMANDS.values()}
PUSH_NAMES = {op.number: op.name for op in PUSHES.values()}
