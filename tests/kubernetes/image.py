"""The image without a container engine: the Dockerfile's two scripts, run on this machine and in a debootstrapped Debian 12.

A container is a process in a mount namespace of its own: the tree is its root and read only, a directory is its volume, and it runs as the
image's user, without capabilities.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess

from harness.murmur import REPOSITORY

USER = 10001

# Runs in a shell of a new mount namespace: $1 the tree, $2 where it is mounted, $3 the volume, then the command.
ENTER = """
set -e
tree=$1 root=$2 volume=$3
shift 3
mount --bind "$tree" "$root"
mount -o remount,bind,ro "$root"
mount --bind "$volume" "$root/var/lib/murmur"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    env --chdir=/var/lib/murmur -i "$@"
"""


def why_not() -> str | None:
    """Why this machine cannot have it; None where it can."""
    if os.getuid() != 0:
        return "a Debian tree is made and entered by root only"
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True)
    return f"mount namespaces are not permitted here: {probe.stderr.strip()}" if probe.returncode else None


def run(*command: object, seconds: float = 900) -> None:
    """Runs a command to its end; its output is shown when it fails."""
    result = subprocess.run([str(word) for word in command], cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    assert result.returncode == 0, f"{command}: {result.stdout[-3000:]}{result.stderr[-3000:]}"


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions."""
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


class Image:
    """What `docker build` would make: a Debian tree with the packages, and on top of it what docker/build laid out."""

    def __init__(self, directory: pathlib.Path):
        self.contents = directory / "contents"
        run(REPOSITORY / "docker" / "build", self.contents)
        self.packages = (self.contents / "usr/share/murmur/packages.txt").read_text().split()
        self.tree = self._tree()
        self._lay_out()
        self._root = directory / "root"
        self._root.mkdir()

    @property
    def variables(self) -> dict[str, str]:
        """The image's own."""
        text = " ".join(rest for word, rest in dockerfile() if word == "ENV")
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, **dict(re.findall(r"(\w+)=(\S+)", text))}

    def volume(self, directory: pathlib.Path) -> pathlib.Path:
        """An empty volume that belongs to the image's user."""
        directory.mkdir()
        os.chown(directory, USER, USER)
        return directory

    def command(self, volume: pathlib.Path, *words: object, **variables: str) -> list[str]:
        """What runs `words` in a container."""
        values = [f"{name}={value}" for name, value in {**self.variables, **variables}.items()]
        start = ["unshare", "--mount", "sh", "-c", ENTER, "enter", self.tree, self._root, volume, *values, *words]
        return [str(word) for word in start]

    def _lay_out(self) -> None:
        """The contents, without what an earlier build of the image had in their place."""
        for place in ("usr/local/bin", "usr/local/sbin", "usr/share/murmur"):
            shutil.rmtree(self.tree / place)
        shutil.copytree(self.contents, self.tree, dirs_exist_ok=True, symlinks=True)

    def _tree(self) -> pathlib.Path:
        """Debian with the packages, made once for each list of them."""
        script = self.contents / "usr/local/sbin/murmur-install"
        digest = hashlib.sha256(script.read_bytes() + "\n".join(self.packages).encode()).hexdigest()[:16]
        tree = REPOSITORY / ".setup" / f"debian-12-{digest}"
        if tree.exists():
            return tree
        for other in tree.parent.glob("debian-12-*"):
            shutil.rmtree(other)
        made = tree.with_suffix(".new")
        run("debootstrap", "--variant=minbase", "bookworm", made)
        shutil.copytree(self.contents, made, dirs_exist_ok=True, symlinks=True)
        # Nothing of this machine's environment: directories that it names are not in the tree.
        run("env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "chroot", made, "/usr/local/sbin/murmur-install")
        made.rename(tree)
        return tree
