"""Child processes on a core of their own: what they use, and that none is left behind."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence, Set
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Child:
    """A process with all its descendants, pinned to some cores; it ends with us, whatever ends us."""

    def __init__(
        self, command: Sequence[str], *, cores: Set[int], log: Path, cwd: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        def prepare() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, cores)

        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=prepare,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def pids(self) -> list[int]:
        """Returns the process and its descendants."""
        return _session(self.pid)

    def cpu(self) -> float:
        """Returns the seconds of CPU, of user and system, that all of them used; with threads and children that ended.

        In steps of 10 ms.
        """
        return sum(_cpu(pid) for pid in self.pids())

    def peak_rss(self) -> tuple[float, float]:
        """Returns the most memory that was resident: of the largest process, and of all together, in MiB."""
        peaks = [_peak(pid) for pid in self.pids()]
        return max(peaks), sum(peaks)

    def stop(self) -> None:
        """Ends it: politely, and after 15 seconds by force, with whatever it has started."""
        if self.is_alive():
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            # Its session is its own, so nobody else is in its group.
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        """Returns the end of what it printed."""
        return self.log.read_text(errors="replace")[-2000:]


def _stat(pid: int) -> list[str]:
    # The name, in parentheses, may hold anything; what is after it begins with the third field.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _session(leader: int) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        # Others come and go meanwhile.
        with contextlib.suppress(OSError):
            if process.name.isdigit() and int(_stat(int(process.name))[3]) == leader:
                found.append(int(process.name))
    return found


def _cpu(pid: int) -> float:
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) / _TICKS


def _peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def own_cpu() -> float:
    """Returns the seconds of CPU that this process used."""
    return time.process_time()
