"""Draws states and arrows as a Mermaid state diagram."""

from collections.abc import Iterable, Sequence

from msgspec import Struct


class Arrow(Struct, frozen=True):
    """A move between two states, each named by its path such as `order.size`; an arrow without `dest` is a note."""

    source: str
    dest: str
    label: str


def mermaid(paths: Sequence[str], entries: Iterable[Arrow], arrows: Iterable[Arrow], current: str = "") -> str:
    """Returns a `stateDiagram-v2`: nested states as composites, the current state marked.

    `paths` holds every state, parents before their children; `entries` leads from each composite (or from an empty
    path, the diagram itself) to the state that is entered first.
    """
    firsts = {entry.source: entry.dest for entry in entries}
    lines = ["stateDiagram-v2", *_block("", paths, firsts, "    ")]
    lines += [_line(arrow) for arrow in arrows]
    if current:
        lines += ["    classDef current fill:#ffd54f,stroke:#333,color:#000", f"    class {_id(current)} current"]
    return "\n".join(lines) + "\n"


def _block(parent: str, paths: Sequence[str], firsts: dict[str, str], indent: str) -> list[str]:
    lines = [f"{indent}[*] --> {_id(firsts[parent])}"]
    for path in paths:
        if path.rpartition(".")[0] != parent:
            continue
        name = path.rpartition(".")[2]
        lines.append(f'{indent}state "{name}" as {_id(path)}')
        if path in firsts:
            lines[-1] += " {"
            lines += [*_block(path, paths, firsts, indent + "    "), f"{indent}}}"]
    return lines


def _line(arrow: Arrow) -> str:
    if not arrow.dest:
        return f"    note right of {_id(arrow.source)} : {arrow.label}"
    return f"    {_id(arrow.source)} --> {_id(arrow.dest)}: {arrow.label}"


def _id(path: str) -> str:
    # A dot ends an identifier in Mermaid, and "end" or "state" alone would be a keyword.
    return "s_" + path.replace(".", "_")
