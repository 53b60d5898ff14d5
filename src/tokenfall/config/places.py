"""Where the user's files are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONFIG_FILE = "config.toml"


@dataclass(frozen=True, slots=True)
class Folders:
    config: Path
    data: Path
    state: Path

    @property
    def config_file(self) -> Path:
        return self.config / CONFIG_FILE


def folders(env: Mapping[str, str]) -> Folders:
    """The user's folders by the platform's rules, unless TOKENFALL_CONFIG and TOKENFALL_DATA name others;
    the state then lives under the data."""
    import platformdirs

    def place(variable: str, default: Path) -> Path:
        return Path(env[variable]).expanduser().absolute() if env.get(variable) else default

    data = place("TOKENFALL_DATA", platformdirs.user_data_path("tokenfall", appauthor=False))
    state = data / "state" if env.get("TOKENFALL_DATA") else platformdirs.user_state_path("tokenfall", appauthor=False)
    return Folders(place("TOKENFALL_CONFIG", platformdirs.user_config_path("tokenfall", appauthor=False)), data, state)


def default_file() -> str:
    """A config.toml in which every setting is a comment."""
    return Path(__file__).with_name("default.toml").read_text("utf-8")
