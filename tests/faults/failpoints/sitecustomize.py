"""Ends its process (SIGKILL) when a function returns, once: Python imports this where it is on PYTHONPATH.

FAILPOINT names the function as `file.py:qualified.name`, and FAILPOINT_FILE a file that tells that it has happened. It
is for functions that are not `async`: these would seem to return whenever they wait.
"""

import os
import signal
import sys
from types import FrameType

_FILE, _, _NAME = os.environ.get("FAILPOINT", "").partition(":")


def _look(frame: FrameType, event: str, _: object) -> None:
    code = frame.f_code
    if event != "return" or code.co_qualname != _NAME or not code.co_filename.endswith(_FILE):
        return
    try:
        os.close(os.open(os.environ["FAILPOINT_FILE"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if _NAME:
    sys.setprofile(_look)
