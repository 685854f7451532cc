"""Tables that commands print for people."""

from rich.table import Table


def new_table(*names: str) -> Table:
    """Returns a table without lines; what a name with # in front stands over is numbers."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name.removeprefix("#"), justify="right" if name.startswith("#") else "left", overflow="fold")
    return table
