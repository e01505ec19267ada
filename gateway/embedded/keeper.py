"""Runs one program and ends it when our other end of the pipe on standard input closes: for systems without PDEATHSIG.

Run as a file by a bare interpreter: `python -I -S keeper.py SIGNAL UID GID PROGRAM ARGUMENT…`; -1 keeps uid and gid.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading


def main(stop_signal: int, uid: int, gid: int, command: list[str]) -> int:
    """The program's exit status. Signals sent to us are passed on to it."""
    account = {"user": uid, "group": gid, "extra_groups": []} if uid >= 0 else {}
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False, **account)  # type: ignore[call-overload]  # noqa: S603 - our own command line
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, lambda caught, _frame: child.send_signal(caught))
    threading.Thread(target=_watch, args=(child, stop_signal), daemon=True).start()
    code: int = child.wait()
    return code if code >= 0 else 128 - code


def _watch(child: "subprocess.Popen[bytes]", stop_signal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    child.send_signal(stop_signal)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
