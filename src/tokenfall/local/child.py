"""The embedded model's own process: llama.cpp's server on loopback, and the pipe by which the program holds it.

The parent runs this file as a script: `-m` would import the parent's side first, and start-up is what a user waits for.
Nothing here may import the rest of tokenfall.

- standard input: one JSON line, an `Order`; then nothing, until its end tells that the parent is gone.
- standard output: one JSON line, a `Report`, when the server answers. A child that can't start ends without one.
- standard error: the log, and everything that a library prints.
"""

import os
import sys
from typing import Any, TypedDict


class Order(TypedDict):
    """`model` is an absolute path, `name` what the server calls the model, `key` what a request must bring."""

    model: str
    name: str
    key: str


class Report(TypedDict):
    """`context` is the size of the context window in tokens."""

    port: int
    context: int


PR_SET_PDEATHSIG = 1  # linux/prctl.h
SIGKILL = 9

CONTEXT_CAP = 8192  # tokens; llama.cpp lowers it to what the model was trained on. More costs memory from the first second on
DECODE_THREADS = 8  # decoding waits for memory: beyond this, more threads only wait for each other
HTTP_THREADS = 6
CPU_BATCH = 64  # tokens between two looks at whether the client is still there; a processor gains nothing from more
GPU_BATCH = 512
SAVED_PROMPTS_MIB = 256  # for conversations that are left and taken up again; the present one is kept in the context itself
WARNINGS = 2  # llama.cpp's verbosity: errors and warnings


def main() -> None:
    die_with_parent()
    report_to = os.dup(1)
    os.dup2(2, 1)
    import json

    order: Order = json.loads(sys.stdin.readline())
    _server, report = serve(order)
    os.write(report_to, json.dumps(report).encode() + b"\n")
    os.read(0, 1)
    # Not by way of the interpreter's end: that would wait for the reply under way.
    os._exit(0)


def die_with_parent() -> None:
    """Asks Linux for SIGKILL when the thread that started this process ends. The end of standard input says the same everywhere,
    but xllamacpp holds the interpreter's lock while it loads, so nothing here can read until then."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)


def serve(order: Order) -> tuple[object, Report]:
    """The running server, which lives as long as the object, and where it listens."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # on an abort it would start a debugger, where there is one
    # Threads that wait for each other sleep. By default they spin, and as soon as another program wants a core, each of the
    # hundreds of meetings in a token lasts until the scheduler's next turn: decoding gets ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import xllamacpp

    server = xllamacpp.Server(parameters(order, xllamacpp))
    port = int(server.listening_address.rpartition(":")[2])
    return server, {"port": port, "context": context_size(port, order["key"])}


def parameters(order: Order, xllamacpp: Any) -> Any:
    cores = usable_cores()
    kinds = xllamacpp.ggml_backend_dev_type
    gpus = (kinds.GGML_BACKEND_DEVICE_TYPE_GPU, kinds.GGML_BACKEND_DEVICE_TYPE_IGPU)
    gpu = any(device["type"] in gpus for device in xllamacpp.get_device_info())
    params = xllamacpp.CommonParams()
    params.model.path = order["model"]
    params.model_alias = {order["name"]}
    params.api_keys = [order["key"]]
    params.n_ctx = CONTEXT_CAP
    params.n_batch = GPU_BATCH if gpu else CPU_BATCH
    params.fit_params = gpu  # measures the device's memory by a trial load
    params.cpuparams.n_threads = min(max(cores - 1, 1), DECODE_THREADS)  # one is left to paint what is decoded
    params.cpuparams_batch.n_threads = cores
    params.cpuparams.poll = params.cpuparams_batch.poll = 0  # the same as OMP_WAIT_POLICY, in builds without OpenMP
    params.n_threads_http = HTTP_THREADS
    params.n_parallel = 1  # one context, whole, with its cached prompt; an abandoned request leaves it after CPU_BATCH tokens
    params.cache_ram_mib = SAVED_PROMPTS_MIB
    params.warmup = False  # takes longer than it saves the first request
    params.ui = False
    params.verbosity = WARNINGS
    return params


def context_size(port: int, key: str) -> int:
    """What the server made of CONTEXT_CAP. Spoken by hand, because http.client takes longer to import than to use."""
    import json
    import socket

    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET /slots HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            body = answer.read().partition(b"\r\n\r\n")[2]
    return int(json.loads(body)[0]["n_ctx"])


def usable_cores() -> int:
    """Physical cores that this process may use: two threads of one core decode no faster than one."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    cpus = os.sched_getaffinity(0)
    siblings = (read(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu) for cpu in cpus)
    return min(len(set(siblings)), quota(read("/sys/fs/cgroup/cpu.max")) or len(cpus))


def quota(cpu_max: str) -> int | None:
    """Whole processors that a container may use; None without a limit. The text is cgroup v2's: `max 100000` or `150000 100000`."""
    share, _, period = cpu_max.partition(" ")
    if not share.isdigit() or not period.isdigit():
        return None
    return max(1, int(share) // int(period))


def read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
