"""Arguments and wiring. What a verb needs is imported when it runs: `--version` and mistakes cost no screen and no HTTP client."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenfall.config import Settings


def main() -> None:
    try:
        if sys.argv[1:] == ["--version"]:
            from tokenfall import __version__

            print(f"tokenfall {__version__}")
            return
        from tokenfall.cli.program import run

        sys.exit(run(sys.argv[1:], _chat))
    except KeyboardInterrupt:
        sys.exit(130)


def _chat(settings: "Settings") -> int:
    import gc

    # hardly anything that an import makes is garbage, and looking for it is a sixth of the start; the chat turns it on again
    gc.disable()
    from tokenfall.ui.app import run_chat

    return run_chat(settings)


if __name__ == "__main__":
    main()
