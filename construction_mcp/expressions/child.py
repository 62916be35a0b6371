"""The confined process: reads a request from its pipe, evaluates it, writes the answer; ends when the pipe does.

Started by `process.Process`. Its imports are its start-up time, so it takes little beyond CEL. Frames are a length of
four bytes, big-endian, and that many bytes of JSON.

Before it reads anything it gives up what an evaluation never needs: memory beyond a limit, writing files, most file
descriptors, other processes (Linux, not root), new privileges (Linux), core dumps, which would hold record data.
Windows has none of these limits here; there only the parent's kill on time-out holds.
"""

import json
import os
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

from construction_mcp.core.errors import Invalid

HEADER = struct.Struct(">I")
NICENESS = 5  # the server answers first; higher would make 250 ms too short on a busy machine
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h

Evaluate = Callable[[str, Mapping[str, Any]], Any]


class Powers(NamedTuple):
    """What the process keeps; the reasons stand at the limits of the same names. processor_s is for one request."""

    memory_bytes_max: int
    answer_bytes_max: int
    descriptors_max: int
    processor_s: int


def main(*numbers: int) -> None:
    """Serve until the parent closes the pipe or an evaluation ran out of memory."""
    from construction_mcp.expressions.evaluation import evaluate_here  # not for the parent, which needs HEADER only

    powers = Powers(*numbers)
    requests, answers = _private_pipes()
    _give_up_all_but(powers)
    evaluate_here("[1].map(x, x)", {})  # what CEL builds once is built before the first deadline runs
    _yield_to_others()  # not while somebody waits for the start
    _write(answers, b"{}")
    while (request := _read(requests)) is not None:
        _allow_processor_time(powers.processor_s)
        try:
            answer = _fitting(_answer(evaluate_here, json.loads(request)), powers.answer_bytes_max)
        except MemoryError:
            failed = Invalid("The expression needs more memory than it may use.", code="EXECUTION_EXPRESSION_FAILED")
            _write(answers, json.dumps(_error(failed)).encode())
            return  # a fresh process rather than one whose memory is in pieces
        _write(answers, answer)


def _answer(evaluate: Evaluate, request: Mapping[str, Any]) -> dict[str, Any]:
    text, values = request["text"], request["values"]
    if "items" not in request:
        return _outcome(evaluate, text, values)
    name = request["name"]
    return {"outcomes": [_outcome(evaluate, text, {**values, name: item}) for item in request["items"]]}


def _outcome(evaluate: Evaluate, text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"value": evaluate(text, values)}
    except Invalid as problem:
        return _error(problem)


def _error(problem: Invalid) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
        "details": problem.details,
    }


def _fitting(answer: dict[str, Any], bytes_max: int) -> bytes:
    raw = json.dumps(answer, separators=(",", ":"), allow_nan=False).encode()
    if len(raw) <= bytes_max:
        return raw
    too_large = Invalid("The expression's result is too large.", code="VALIDATION_TOO_LARGE")
    return json.dumps(_error(too_large)).encode()


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes under other numbers: a library that prints must not write between the frames."""
    requests, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def _read(requests: BinaryIO) -> bytes | None:
    header = requests.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    body = requests.read(length)
    return body if len(body) == length else None


def _write(answers: BinaryIO, body: bytes) -> None:
    answers.write(HEADER.pack(len(body)) + body)
    answers.flush()


def _yield_to_others() -> None:
    if sys.platform != "win32":
        os.nice(NICENESS)


def _give_up_all_but(powers: Powers) -> None:
    if sys.platform == "win32":
        return
    import resource

    if sys.platform == "linux":
        _refuse_new_privileges()
        _limit(resource.RLIMIT_NPROC, 0)
    if sys.platform != "darwin":  # knows the name and refuses the limit
        _limit(resource.RLIMIT_AS, powers.memory_bytes_max)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, powers.descriptors_max)


def _limit(what: int, most: int) -> None:
    """Lower a limit for good: the hard one with it."""
    import resource

    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _refuse_new_privileges() -> None:
    """No program started from here, should one ever be, gains rights by its set-user-id bit."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _allow_processor_time(seconds: int) -> None:
    """The soft limit moves ahead of what is used up; passing it is SIGXCPU, which ends the process from the kernel."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
