"""The program's arguments, and the border where errors become sentences and exit codes.

Exit codes: 0 done, 1 the service or the network failed, 2 usage or configuration, 130 interrupted.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from tokenfall import __version__, config
from tokenfall.config import Options, Settings
from tokenfall.errors import TokenfallError, UserError
from tokenfall.wire import WIRES

INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""

Chat = Callable[[Settings], int]
"""Opens the screen and gives the exit status."""
_Verb = TypeVar("_Verb", bound=Callable[..., Any])

_MODEL_HELP = """\
Without -m the model is the one that config.toml names, else that of its first endpoint, else the embedded one (local/smollm2).
-m ENDPOINT takes that endpoint's own model, -m ENDPOINT/NAME another on it, -m NAME one on the default endpoint, -m local the
embedded model. ENDPOINT is one of config.toml, or a service that needs only its key in the environment, such as openai (tokenfall
config show lists them). With --base-url the whole of -m is the model's name, and without -m it is the first that the server lists.
"""


@dataclass(slots=True)
class _Invocation:
    """One run of the program, and what has been said of it before the verb and after."""

    chat: Chat
    options: Options = field(default_factory=Options)
    debug: bool = False

    def take(self, debug: bool, given: dict[str, Any]) -> None:
        self.debug = self.debug or debug
        self.options = replace(self.options, **{name: value for name, value in given.items() if value is not None})

    def settings(self) -> Settings:
        where = config.folders(os.environ)
        return config.settings(self.options, config.load(where), os.environ, where)

    def settings_without_a_target(self) -> Settings:
        """For a verb that asks no model: the default endpoint may want a key that isn't set."""
        if self.options.model is None and self.options.base_url is None:
            self.options = replace(self.options, model=config.LOCAL)
        return self.settings()


def run(arguments: Sequence[str], chat: Chat) -> int:
    """The exit code. `chat` opens the screen, which this layer doesn't know."""
    invocation = _Invocation(chat)
    try:
        code = tokenfall.main(list(arguments), prog_name="tokenfall", standalone_mode=False, obj=invocation)
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        _say(f"{error.format_message()}\n{context.command_path if context else 'tokenfall'} --help tells what there is.")
        return 2
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except TokenfallError as error:
        _trace(invocation)
        _say(f"{error.message}\n{error.advice}")
        return 2 if isinstance(error, UserError) else 1
    except Exception as defect:  # noqa: BLE001  the program's outermost border: a defect of ours is told, not thrown at the user
        _trace(invocation)
        _say(f"This is a fault in tokenfall: {type(defect).__name__}: {defect}\nWith --debug it shows where.")
        return 1


def _trace(invocation: _Invocation) -> None:
    if invocation.debug:
        from tokenfall.filters import visible

        click.echo(visible(traceback.format_exc()), err=True)


def _say(text: str) -> None:
    """To standard error, with whatever a service or a file put into the sentence made inert."""
    from tokenfall.filters import visible

    click.echo(f"tokenfall: {visible(text.strip())}", err=True)


def _options(*decorators: Callable[[_Verb], _Verb]) -> Callable[[_Verb], _Verb]:
    def decorate(verb: _Verb) -> _Verb:
        for decorator in reversed(decorators):
            verb = decorator(verb)
        return verb

    return decorate


_debug_option = click.option("--debug", is_flag=True, help="Show where an error came from.")
_model_options = _options(
    click.option("-m", "--model", metavar="ENDPOINT/NAME", help="Which model answers; see below."),
    click.option("--base-url", metavar="URL", help="A server that is not configured, such as http://127.0.0.1:8080/v1."),
    click.option("--wire", type=click.Choice(list(WIRES)), help=f"What that server speaks.  [default: {config.DEFAULT_WIRE}]"),
    click.option("--api-key-env", metavar="VAR", help="The environment variable that holds the key.  [default: no key]"),
    click.option("-s", "--system", metavar="TEXT", help="The system prompt."),
    click.option("--insecure-http", is_flag=True, default=None, help="Let that key travel unencrypted to another machine."),
    click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Longest reply, in tokens."),
    click.option("--temperature", type=click.FloatRange(min=0), metavar="X", help="0 for the most likely words, more for others."),
    click.option(
        "--model-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="PATH",
        help="A .gguf file to run on this machine instead of the embedded model.",
    ),
    _debug_option,
)
_theme_option = click.option("--theme", metavar="NAME", help="The colours of the screen.")
_screen_options = _options(
    _theme_option,
    click.option("--repaint", type=click.Choice(config.REPAINTS), help="What is sent to the terminal.  [default: changes]"),
)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_MODEL_HELP,
)
@click.version_option(__version__, message="tokenfall %(version)s")
@_model_options
@_screen_options
@click.pass_context
def tokenfall(context: click.Context, /, debug: bool, **given: Any) -> None:
    """Chat with language models in the terminal. Without a verb: chat."""
    context.obj.take(debug, given)
    if context.invoked_subcommand is None:
        _open(context.obj)


@tokenfall.command(epilog=_MODEL_HELP)
@_model_options
@_screen_options
@click.pass_obj
def chat(invocation: _Invocation, /, debug: bool, **given: Any) -> None:
    """Open the chat, a full screen."""
    invocation.take(debug, given)
    _open(invocation)


@tokenfall.command(epilog=_MODEL_HELP)
@click.argument("words", metavar="[PROMPT]", nargs=-1)
@_model_options
@_theme_option
@click.option("--plain", is_flag=True, help="The text as it comes, also on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="One event a line, as JSON; see below.")
@click.option(
    "-a",
    "--attach",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Text, a picture or a PDF to go along; may be given several times.",
)
@click.option("--stats", is_flag=True, help="TTFT, pace and usage on standard error at the end.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="How long all of it may take, in seconds.")
@click.pass_obj
def ask(invocation: _Invocation, /, words: tuple[str, ...], files: tuple[Path, ...], debug: bool, **given: Any) -> None:
    """Print one answer to standard output.

    The prompt is PROMPT, or standard input, or both with a blank line between them. On a terminal the answer's markdown
    is rendered as it comes; to a pipe or a file goes the text itself. Exit code: 0 done, 1 the reply failed, broke off or
    was refused, 2 usage or configuration, 130 interrupted.

    With --json each line is an object with "event": start, reasoning, text, tool_call, usage, retry, and as the last
    always end, with "state" (complete, stopped, length, refused, cut_off or failed), "ttft_ms", "tokens_per_s", "usage",
    "timing", and "error" where there is one. The "text" of all text events joined is the reply.
    """
    told = {name: given.pop(name) for name in ("plain", "as_json", "stats", "timeout")}
    invocation.take(debug, given)
    if told["plain"] and told["as_json"]:
        raise UserError("--plain prints the text and --json the events.", "Give one of them.")
    with _interruptible():
        from tokenfall.attachments import attached
        from tokenfall.cli.ask import Asking, answer, read_prompt
        from tokenfall.messages import Text

        prompt = read_prompt(words, sys.stdin.fileno() if sys.stdin else None)
        answer(invocation.settings(), Asking((*map(attached, files), Text(prompt)), **told))


@tokenfall.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--width", type=click.IntRange(min=1), metavar="N", help="At most so many columns.  [default: the terminal's, else 80]")
@click.option("--no-color", is_flag=True, help="No colours, as with NO_COLOR.")
@_theme_option
@_debug_option
@click.pass_obj
def render(invocation: _Invocation, /, file: Path | None, width: int | None, no_color: bool, debug: bool, **given: Any) -> None:
    """Render markdown from FILE or standard input.

    On a terminal it shows as it comes: what is finished scrolls away, and the part that still grows is drawn anew below
    it. To a pipe or a file go plain lines. Exit code: 0 done, 2 usage or configuration, 130 interrupted.
    """
    invocation.take(debug, given)
    with _interruptible():
        from tokenfall.cli.render import Rendering
        from tokenfall.cli.render import render as show

        show(Rendering(file, width, invocation.options.theme or "", colour=not no_color), os.environ)


@tokenfall.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--wire", type=click.Choice([*WIRES, "sse"]), required=True, help="What the bytes are; sse for the framing only.")
@click.option("--at", is_flag=True, help='With each event "at": how many bytes had come when it was whole.')
@_debug_option
@click.pass_obj
def decode(invocation: _Invocation, /, file: str | None, wire: str, at: bool, debug: bool) -> None:
    """Print the events in the raw body of a response, one JSON object a line.

    The bytes are those of FILE or of standard input, as `curl -sN` gives them. "event" is start (model, id), text, reasoning,
    tool_call (index, id, name, arguments: a piece of JSON text), usage, finish (state, and reason: the service's own word),
    fault (message, passing) or done; with --wire sse each event as it was framed ("event", "data", "id"). Exit code: 0 done,
    1 bytes that the wire forbids come after what was printed, 2 usage, or no event at all, 130 interrupted.
    """
    invocation.take(debug, {})
    with _interruptible():
        from tokenfall.cli.decode import decode as show
        from tokenfall.cli.decode import opened, standard_input
        from tokenfall.cli.output import standard_output

        source = opened(file) if file else standard_input(sys.stdin.fileno() if sys.stdin else None)
        if left_over := show(source, wire, standard_output(), at=at):
            _say(left_over)


@tokenfall.group("config", invoke_without_command=True)
@click.pass_context
def configuration(context: click.Context, /) -> None:
    """Tell where config.toml is, what holds, and whether it is right."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@configuration.command()
def path() -> None:
    """Print the path of the file."""
    click.echo(config.folders(os.environ).config_file)


@configuration.command()
@click.pass_obj
def show(invocation: _Invocation, /) -> None:
    """Print the settings that hold. Of a key it tells where it is, never what it is."""
    from tokenfall.cli.config import show

    click.echo(show(invocation.options, os.environ, config.folders(os.environ)))


@configuration.command()
def check() -> None:
    """Read the file, and tell its first mistake, if it has one."""
    from tokenfall.cli.config import check

    click.echo(check(config.folders(os.environ)))


@configuration.command()
def init() -> None:
    """Write a first file, in which every setting is explained and none is made."""
    from tokenfall.cli.config import init

    click.echo(init(config.folders(os.environ)))


@tokenfall.command()
@click.argument("names", metavar="[ENDPOINT]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object; see below.")
@click.option("--refresh", is_flag=True, help="Ask anew also for lists that are less than a day old.")
@_debug_option
@click.pass_obj
def models(invocation: _Invocation, /, debug: bool, **given: Any) -> None:
    """List the models that can be chosen with -m, one ENDPOINT/NAME a line.

    They are those of each ENDPOINT, or of all: the embedded one, those in config.toml, services whose key is in the
    environment, and servers that run on this machine at their usual port. Exit code: 0 at least one answered, 1 none did,
    2 usage or configuration, 130 interrupted.

    With --json it is {"endpoints": [{"name", "wire", "base_url", "answers", "problem", "models": [NAME, ...]}]}.
    """
    invocation.take(debug, {})
    with _interruptible():
        from tokenfall.cli.models import Listing
        from tokenfall.cli.models import models as show
        from tokenfall.cli.output import standard_output

        answered, problems = show(invocation.settings_without_a_target(), Listing(**given), standard_output())
    for problem in problems:
        _say(problem)
    raise click.exceptions.Exit(0 if answered else 1)


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:  # click would add a line
        raise click.exceptions.Exit(INTERRUPTED) from None


def _open(invocation: _Invocation) -> None:
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        name = "output" if sys.stdin and sys.stdin.isatty() else "input"
        raise UserError(f"The chat needs a terminal, and standard {name} is none.", "For pipes and scripts there is: tokenfall ask PROMPT")
    from tokenfall.terminal.capabilities import no_chat

    if problem := no_chat(os.environ):
        raise UserError(problem)
    raise click.exceptions.Exit(invocation.chat(invocation.settings()))
