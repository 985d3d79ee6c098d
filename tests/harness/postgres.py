"""A real PostgreSQL in a directory of its own, which tests may stop and start."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import urllib.parse

from .ports import free_port


def binaries() -> pathlib.Path:
    """The newest installed PostgreSQL's programs."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "no PostgreSQL under /usr/lib/postgresql; run `make setup`"
    return found[-1]


class Postgres:
    """One server on a free port of loopback; its data goes when it is closed."""

    def __init__(self) -> None:
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="murmur-postgres-"))
        self.port = free_port()
        self.url = f"postgresql://murmur@127.0.0.1:{self.port}/postgres"
        # By the file system: also for who is in another network.
        self.local_url = f"postgresql://murmur@{urllib.parse.quote(str(self.directory), safe='')}:{self.port}/postgres"
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root; the package made a user for it.
            owner = pwd.getpwnam("postgres")
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        try:
            self._run("initdb", "-U", "murmur", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            self.start()
        except BaseException:
            self.close()
            raise

    def _run(self, program: str, *arguments: str) -> None:
        as_owner = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        command = [*as_owner, str(binaries() / program), "-D", str(self.directory / "data"), *arguments]
        # Not a pipe: the server would inherit it and keep it open.
        with tempfile.TemporaryFile() as output:
            status = subprocess.run(command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output).returncode
            output.seek(0)
            assert status == 0, f"{program}: {output.read().decode(errors='replace')}"

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.directory} -c fsync=off"
        )
        self._run("pg_ctl", "-l", str(self.directory / "data" / "log"), "-o", options, "-w", "-t", "60", "start")

    def stop(self) -> None:
        """Stops the server at once, its connections cut."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def query(self, statement: str) -> str:
        """The unaligned output of psql."""
        command = [str(binaries() / "psql"), self.url, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def create_database(self, name: str) -> str:
        """An empty database; returns its URL."""
        self.query(f'CREATE DATABASE "{name}"')
        return self.url.rsplit("/", 1)[0] + "/" + name

    def close(self) -> None:
        """Stops the server, if it runs, and removes its directory."""
        if (self.directory / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
