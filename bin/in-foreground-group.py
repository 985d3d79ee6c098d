"""Runs a command as the terminal's foreground process group, in place of this process.

Usage: in-foreground-group.py COMMAND ARGUMENT…
Where there is no terminal, or this process is not in its foreground, the command simply runs. Ctrl-C reaches it in any case.
"""

import os
import signal
import sys


def main(command: list[str]) -> None:
    """Moves this process into a group of its own, gives it the terminal, and becomes the command."""
    try:
        if os.tcgetpgrp(0) == os.getpgrp() and os.getpid() != os.getpgrp():
            # A background group that touches the terminal is stopped by SIGTTOU; for this one call it is not wanted.
            previous = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpgrp())
            signal.signal(signal.SIGTTOU, previous)
    except OSError:
        pass
    # Inherited as ignored from a shell without job control; a shell script cannot undo that itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
