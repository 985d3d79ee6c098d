"""How much memory a process has, as the kernel counts it."""

import pathlib


def resident_bytes(pid: int) -> int:
    """What it has in RAM now."""
    return _status(pid, "VmRSS:")


def peak_bytes(pid: int) -> int:
    """The most that it has had in RAM since it began, or since `forget_peak`."""
    return _status(pid, "VmHWM:")


def forget_peak(pid: int) -> None:
    """Has the peak begin anew, from what it has now."""
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status(pid: int, field: str) -> int:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
