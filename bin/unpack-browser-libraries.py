"""Takes the files that a list names out of downloaded wheels.

Usage: unpack-browser-libraries.py LIST WHEEL-DIRECTORY TARGET-DIRECTORY
Every file's SHA-256 must be the listed one; nothing is left half-written.
"""

import hashlib
import pathlib
import sys
import zipfile


def main(list_path: str, wheel_directory: str, target_directory: str) -> int:
    """Unpacks all listed files; returns the process's exit code."""
    archives = [zipfile.ZipFile(wheel) for wheel in sorted(pathlib.Path(wheel_directory).glob("*.whl"))]
    for line in pathlib.Path(list_path).read_text().splitlines():
        fields = line.split()
        if not fields or fields[0] != "file":
            continue
        _, source, target, expected = fields
        holder = next((archive for archive in archives if source in archive.namelist()), None)
        if holder is None:
            print(f"{source} is not in the wheels", file=sys.stderr)
            return 1
        data = holder.read(source)
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            print(f"{source}: SHA-256 is {found}, expected {expected}", file=sys.stderr)
            return 1
        path = pathlib.Path(target_directory) / target
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(data)
        partial.replace(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
