"""Commands as a person runs them: in a terminal, ended by Ctrl-C."""

import os
import pty
import select
import time

from .murmur import REPOSITORY, clean_environment
from .waiting import DEADLINE_SECONDS


class Terminal:
    """A command with a terminal of its own, as a login shell would give it."""

    def __init__(self, command: list[str]):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(REPOSITORY)
            os.execvpe(command[0], command, clean_environment())
        self.output = ""

    def read_until(self, text: str, deadline: float = DEADLINE_SECONDS) -> None:
        """Collects output until the text has come."""
        end = time.monotonic() + deadline
        while text not in self.output:
            assert time.monotonic() < end, f"{text!r} did not come within {deadline} s:\n{self.output[-4000:]}"
            self.read_some()

    def read_some(self) -> bool:
        """Reads what is there; False at the end of the output."""
        if not select.select([self.master], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.output += data.decode(errors="replace")
        return bool(data)

    def press_control_c(self) -> None:
        """The interrupt character: the terminal sends SIGINT to its foreground process group."""
        os.write(self.master, b"\x03")

    def wait_for_exit(self, deadline: float = DEADLINE_SECONDS) -> int:
        """Its exit code, or minus the signal that ended it."""
        end = time.monotonic() + deadline
        while True:
            self.read_some()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < end, f"still running after {deadline} s:\n{self.output[-4000:]}"

    def close(self) -> None:
        """Ends it as a closed terminal window would."""
        if self.pid:
            self.press_control_c()
            self.wait_for_exit()
        os.close(self.master)
