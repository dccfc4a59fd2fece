"""`sdseg token`: who may use the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdseg.cli.console import console
from sdseg.serving.token_file import new_token, read_tokens, revoke_token

app = typer.Typer(help="Make, list and withdraw the bearer tokens of a server.", no_args_is_help=True)

File = Annotated[
    Path, typer.Option("--file", "-f", envvar="SDSEG_TOKENS", help="The token file that the server was given.")
]
Name = Annotated[str, typer.Argument(help="Who will use it: the name in labels and in the audit log.")]


@app.command()
def new(
    name: Name,
    role: Annotated[str, typer.Option(help="reader, annotator or admin; each may do what those before may.")],
    file: File = Path("tokens.yaml"),
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days until it expires; else it does not.")] = None,
) -> None:
    """Make a token and print it, this once: the file keeps a hash."""
    token = new_token(file, name, role, days)
    console.print(f"Token of {name}, {role}, in {file}; it is shown only now:", highlight=False)
    typer.echo(token)


@app.command("list")
def list_tokens(file: File = Path("tokens.yaml")) -> None:
    """Names, roles and dates."""
    for entry in read_tokens(file):
        until = f"until {entry.expires}" if entry.expires else "without end"
        typer.echo(f"{entry.name}\t{entry.role}\t{entry.created}\t{'expired' if entry.is_over else until}")


@app.command()
def revoke(name: Name, file: File = Path("tokens.yaml")) -> None:
    """Withdraw a token: a running server refuses it, and whoever logged in with it, from its next request on."""
    revoke_token(file, name)
    console.print(f"The token of {name} is withdrawn from {file}.", highlight=False)
