"""The `botkit` command."""

import importlib
import sys

import click

#: Each command and the module that holds it; a module is imported when its command is used.
_COMMANDS = {
    "run": "run",
    "dev": "run",
    "chat": "chat",
    "webhook": "webhook",
    "routes": "routes",
    "graph": "routes",
    "capabilities": "capabilities",
    "sessions": "sessions",
    "dead": "dead",
    "doctor": "doctor",
    "messages": "messages",
    "broadcast": "broadcast",
    "send": "send",
    "keys": "keys",
    "people": "people",
    "new": "new",
}

#: Exit codes.
FAILED, USAGE, NOT_CONFIGURED, SERVICE_REFUSED = 1, 2, 3, 4


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"botkit.cli.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="botkit")
def cli() -> None:
    """Runs conversational bots: Telegram, Viber, Business Messages.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 not configured, 4 the service refused.
    """


def main() -> None:
    """Runs the command line."""
    run_command(cli)


def run_command(command: click.Command) -> None:
    """Runs a command; every error of ours is a text that says how to mend it, never a traceback."""
    from botkit.exceptions import BotkitError, ServiceError, SettingsError

    try:
        command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(FAILED)
    except BotkitError as error:
        click.echo(f"{click.style('error', fg='red')}: {error}", err=True)
        if isinstance(error, SettingsError):
            sys.exit(NOT_CONFIGURED)
        sys.exit(SERVICE_REFUSED if isinstance(error, ServiceError) else FAILED)
