"""`sdseg structures`: which labels are known here, and by which codes a DICOM SEG names them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sdseg.dicom.codes import Structure

HEADER = ("| label | also | category | type | modifier | colour | note |", "|---|---|---|---|---|---|---|")


def structures(
    file: Annotated[Path | None, typer.Argument(help="File of structures to check and list instead.")] = None,
) -> None:
    """List the known structures with their codes as a Markdown table, or check a file of one's own.

    [bold]sdseg structures own.yaml[/bold]
    """
    from sdseg.dicom import codes
    from sdseg.dicom.own_structures import load_structures

    shown = codes.structures() if file is None else load_structures(file)
    codes.add_structures(shown)  # a name of the file that is taken is told
    for line in table(shown):
        typer.echo(line)


def table(known: Mapping[str, Structure]) -> list[str]:
    """The lines of a Markdown table, one row a structure; `known` by name and alias."""
    names: dict[str, list[str]] = {}
    for name, found in known.items():
        names.setdefault(found.name, []).extend([name] if name != found.name else [])
    return [*HEADER, *(row(known[name], also) for name, also in names.items())]


def row(found: Structure, also: list[str]) -> str:
    """One structure: SCHEME value meaning for each code."""
    coded = [
        f"{code.scheme_designator} {code.value} {code.meaning}" if code else ""
        for code in (found.category, found.property_type, found.modifier)
    ]
    colour = "#" + "".join(f"{part:02x}" for part in found.rgb)
    return f"| {' | '.join([found.name, ', '.join(also), *coded, colour, found.note])} |"
