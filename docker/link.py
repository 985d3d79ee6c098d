#!/usr/bin/python3
"""docker/link.py FILE: links murmur once more, with Swift's libraries inside it, out of what `bin/build` compiled.

SwiftPM's own --static-swift-stdlib compiles every module again with a flag that only the linker needs; this takes SwiftPM's command for linking
and changes its end. Modules compiled without that flag name fewer of the static libraries: the rest stand here.
"""

import json
import pathlib
import re
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
# What Foundation's and Dispatch's static libraries stand on.
BENEATH_FOUNDATION = ("CoreFoundation", "_FoundationCShims", "_FoundationCollections", "_FoundationICU", "dispatch", "BlocksRuntime")


def link_command(manifest: str) -> list[str]:
    """SwiftPM's command that links the product murmur."""
    found = re.search(r'description: "Linking [^"\n]*/murmur"\n\s*args: (\[.*\])', manifest)
    if not found:
        raise SystemExit("docker/link.py: .build/release.yaml has no command that links murmur; run bin/build")
    return json.loads(found.group(1))


def statically(command: list[str], target: pathlib.Path) -> list[str]:
    """The command with another output, without debugging information, symbols and the way to Swift's shared libraries."""
    kept = list(command)
    kept[kept.index("-o") + 1] = str(target)
    rpath = next(index for index, word in enumerate(kept) if word.startswith("-rpath="))
    del kept[rpath - 1 : rpath + 1]
    libraries = [f"-l{name}" for name in BENEATH_FOUNDATION]
    return [*(word for word in kept if word != "-g"), "-static-stdlib", *libraries, "-Xlinker", "--strip-all"]


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("usage: docker/link.py FILE")
    target = pathlib.Path(sys.argv[1]).resolve()
    command = link_command((REPOSITORY / ".build" / "release.yaml").read_text())
    result = subprocess.run(statically(command, target), cwd=REPOSITORY, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"docker/link.py: {result.stdout}{result.stderr}")


if __name__ == "__main__":
    main()
