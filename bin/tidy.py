"""Checks the rules of the house that neither the compiler nor the formatter knows.

Usage: tidy.py [PATH…]   (default: every file that git knows or would add)
Prints one line a problem, `path:line: rule: what`, then what is worth a look; exit code 1 when there is a problem.

The rules, each a function over one file's text:
- arrows between modules point downward only: programs -> roles -> shells -> cores -> C shims;
- a core imports no NIO, Foundation, Logging; it uses no clock, no system randomness, no thread, no output;
- each C shim has one module that may import it; unsafe pointers stay in ByteCoding and the named wrapper files;
- every `package` or `public` declaration has a docstring;
- no file is over 700 lines (tests 1,000); no placeholder, no leftover, no file outside the known rooms.
"""

import functools
import pathlib
import re
import subprocess
import sys
from typing import Iterator, NamedTuple

CORES = {
    "IngestFormats", "IngestRouting", "QueryLanguage", "QueryEngine", "QueryRouting", "SeriesEngine", "CheckpointPlan",
    "Placement", "WireProtocol", "ChunkCoding", "ByteCoding", "MetricModel", "Settings", "SimulationKit",
    "Membership", "SlotMovement", "SeededRandom",
}
SHELLS = {
    "ClusterTransport", "HTTPSurface", "EngineStorage", "CheckpointPostgres", "CheckpointSQLite", "NodeAgent",
    "LoadGenerator", "GossipTransport", "ClusterView",
}
ROLES = {"RouterRole", "AggregatorRole", "CoordinatorRole", "WebApp"}
PROGRAMS = {"murmur", "simulate"}
# A C shim is wrapped once, in one module.
SHIM_OWNERS = {
    "CIntrinsics": "ByteCoding", "CXXHash": "ByteCoding", "CRE2": "MetricModel", "CSnappy": "IngestFormats",
    "CSQLite": "CheckpointSQLite", "CLibPQ": "CheckpointPostgres", "CLibCrypto": "GossipTransport", "CZlib": "HTTPSurface",
}
TIERS = {
    **{name: 0 for name in SHIM_OWNERS}, **{name: 1 for name in CORES}, **{name: 2 for name in SHELLS},
    **{name: 3 for name in ROLES}, **{name: 4 for name in PROGRAMS},
}
TIER_NAMES = ["C shim", "core", "shell", "role", "program"]
CORE_LIBRARIES = {"Swift", "Synchronization", "RealModule"}
PROGRAM_LIBRARIES = {"Yams"}

# Outside ByteCoding, the files that may hold unsafe pointers: thin wrappers, one for a C interface each.
UNSAFE_FILES = {
    "Sources/CheckpointPostgres/PQConnection.swift",
    "Sources/CheckpointSQLite/SQLiteDatabase.swift",
    "Sources/EngineStorage/SystemCalls.swift",
    "Sources/GossipTransport/HostLookup.swift",
    "Sources/GossipTransport/LibCryptoCipher.swift",
    "Sources/HTTPSurface/Server/DeflateStream.swift",
    "Sources/IngestFormats/SnappyBlock.swift",
    "Sources/MetricModel/RegularExpression.swift",
}

LINES_MAX = 700
TEST_LINES_MAX = 1000
FUNCTION_LINES_MAX = 70

TOP_LEVEL_FILES = {
    ".dockerignore", ".gitignore", ".swift-format", "CHANGELOG.md", "Dockerfile", "LICENSE", "Makefile", "Package.swift", "README.md",
}
ROOMS = {".ci", "Benchmarks", "Sources", "Tests", "bin", "cluster-config", "docker", "docs", "k8s", "tests", "web"}
LEFTOVERS = re.compile(r"\.(orig|rej|swp|bak|tmp|log|pyc|o)$|~$|\.DS_Store$|(^|/)Placeholder\.")
TEXT_SUFFIXES = {".swift", ".c", ".cpp", ".h", ".py", ".js", ".ts", ".css", ".html", ".md", ".yaml", ".proto", ".txt", ".sh", ""}
# The checker and its tests must be able to name what they forbid.
SELF = {"bin/tidy.py", "tests/tidy/test_tidy.py"}


class Problem(NamedTuple):
    """One finding: where it is, which rule it breaks, and what was found."""

    path: str
    line: int
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.what}"


def code_only(text: str) -> str:
    """The Swift text with comments and the contents of string literals blanked; line numbers stay."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|(?P<raw>#+)"""(?:.*?)"""(?P=raw)|(?P<hash>#+)"(?:[^\n]*?)"(?P=hash)'
        r'|"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"',
        re.DOTALL,
    )
    return pattern.sub(lambda match: "\n" * match.group(0).count("\n"), text)


def module_of(path: str) -> str | None:
    """The target of a Swift source file: the folder under Sources."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "Sources" and parts[1] != "Shims" else None


IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:package|public|internal|private|fileprivate)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)"
)


def check_imports(path: str, text: str) -> Iterator[Problem]:
    """Arrows point downward only, and cores know nothing but the standard library, cores and their shim."""
    module = module_of(path)
    if module is None:
        return
    if module not in TIERS:
        yield Problem(path, 1, "tier", f"{module} is in no tier; add it to bin/tidy.py and docs/architecture.md")
        return
    tier = TIERS[module]
    for number, line in enumerate(code_only(text).split("\n"), 1):
        match = IMPORT.match(line)
        if not match:
            continue
        imported = match.group(1)
        if imported in SHIM_OWNERS:
            if SHIM_OWNERS[imported] != module:
                yield Problem(path, number, "shim", f"only {SHIM_OWNERS[imported]} imports {imported}, not {module}")
        elif imported in TIERS:
            # Cores and shells may stand on their like (the package manager refuses cycles); a role stands alone.
            if TIERS[imported] > tier or (TIERS[imported] == tier and tier >= 3):
                yield Problem(
                    path, number, "arrow",
                    f"{module} ({TIER_NAMES[tier]}) must not import {imported} ({TIER_NAMES[TIERS[imported]]})",
                )
        elif tier == 1 and imported not in CORE_LIBRARIES:
            yield Problem(path, number, "core", f"a core must not import {imported}")
        elif tier < 4 and imported in PROGRAM_LIBRARIES:
            yield Problem(path, number, "arrow", f"only programs import {imported}")


CORE_FORBIDDEN = [
    (re.compile(r"\bDate\s*\(|\.now\b|\b(?:Continuous|Suspending)Clock\b|\bclock_gettime\b|\bgettimeofday\b|\bDispatchTime\b"),
     "a clock: time is an argument"),
    (re.compile(r"\bTask\s*\.\s*sleep\b|\busleep\b|\bnanosleep\b"), "a clock: time is an argument"),
    (re.compile(r"\bSystemRandomNumberGenerator\b|\.shuffled\(\s*\)|\.shuffle\(\s*\)|\.randomElement\(\s*\)|\bUUID\s*\(\s*\)"
                r"|\.random\(\s*(?:in:(?![^\n]*\busing:)[^\n]*)?\)"),
     "system randomness: a generator is an argument"),
    (re.compile(r"\bThread\b|\bDispatchQueue\b|\bpthread_\w+|\bTask\s*(?:\.detached)?\s*(?:\([^)]*\)\s*)?\{"),
     "a thread: a core runs where it is called"),
    (re.compile(r"(?<![.\w])(?:debugPrint|print)\s*\("), "output: a core has no logger"),
    (re.compile(r"(?<![.\w])(?:getenv|fopen|socket)\s*\("), "the system: files, sockets and settings are arguments"),
]


def check_core(path: str, text: str) -> Iterator[Problem]:
    """A core has no clock, no randomness, no thread and no output of its own."""
    if module_of(path) not in CORES:
        return
    for number, line in enumerate(code_only(text).split("\n"), 1):
        for pattern, why in CORE_FORBIDDEN:
            match = pattern.search(line)
            # A function that a core itself declares may have such a name.
            if match and not re.search(r"\bfunc\s+$", line[: match.start()]):
                yield Problem(path, number, "core", f"{match.group(0).strip()} is {why}")


UNSAFE = re.compile(r"\bUnsafe(?:Mutable)?(?:Raw)?(?:Buffer)?Pointer\b|\bOpaquePointer\b|\bUnmanaged\b|\bunsafeBitCast\b")


def check_unsafe(path: str, text: str) -> Iterator[Problem]:
    """Unsafe pointers live in ByteCoding and in the named wrappers, and each such file says why it is safe."""
    module = module_of(path)
    if module is None:
        return
    lines = code_only(text).split("\n")
    first = next((number for number, line in enumerate(lines, 1) if UNSAFE.search(line)), None)
    if first is None:
        return
    if module != "ByteCoding" and path not in UNSAFE_FILES:
        found = UNSAFE.search(lines[first - 1])
        yield Problem(path, first, "unsafe", f"{found.group(0) if found else ''} outside ByteCoding and the wrapper files")
    if "SAFETY:" not in text:
        yield Problem(path, first, "unsafe", "no `// SAFETY:` says what makes it safe")


DECLARATION = re.compile(
    r"^\s*(?:@[\w.]+(?:\([^)]*\))?\s+)*(?:(?:nonisolated|final|static|class|indirect|mutating|override|prefix|unsafe)\s+)*"
    r"(?:package|public)\s+(?:\(set\)\s+)?(?!import\b|extension\b)(?P<rest>.*)$"
)
PROPERTY = re.compile(r"(?:private\(set\)\s+|internal\(set\)\s+|static\s+)?(?:var|let)\b")
TYPE = re.compile(r"^\s*(?:@[\w.]+(?:\([^)]*\))?\s+)*(?:(?:package|public|final|indirect)\s+)*(?:struct|class|enum|actor)\b.*\{$")
PLAIN_INITIALISER = re.compile(r"init\((?![^\n]*\bthrows\b)")
# Requirements of the standard library's protocols: their meaning is written there.
WITNESS = re.compile(
    r"(?:static\s+func\s*(?:==|<)\s*\(|func\s+hash\(into|var\s+(?:description|debugDescription|errorDescription)\b|func\s+encode\(to|init\(from\s"
    r"|typealias\b|func\s+makeIterator\(\)|func\s+next\(\)|var\s+(?:isEmpty|count)\b)"
)


@functools.cache
def requirements() -> frozenset[str]:
    """The names of all methods and properties that a protocol of the house asks for: their docstrings stand there."""
    names: set[str] = set()
    for file in (pathlib.Path(__file__).resolve().parent.parent / "Sources").rglob("*.swift"):
        for body in re.findall(r"^package protocol [^{]*\{\n(.*?)^\}", code_only(file.read_text("utf-8")), re.DOTALL | re.MULTILINE):
            names.update(re.findall(r"\b(?:func|var)\s+(\w+)", body))
    return frozenset(names | {"unownedExecutor"})


def is_requirement(declaration: str) -> bool:
    """Whether a declaration has the name of something that a protocol of the house asks for."""
    match = re.search(r"\b(?:func|var)\s+(\w+)", declaration)
    return match is not None and match.group(1) in requirements()


def check_docstrings(path: str, text: str) -> Iterator[Problem]:
    """Every declaration that other modules see has a docstring.

    A type's docstring may speak for the properties directly below it, one docstring for a run of them, and a memberwise initialiser needs none: its parameters are the
    documented properties. An initialiser that can fail says when. What a protocol of the house asks for is documented there.
    """
    if module_of(path) is None:
        return
    lines = text.split("\n")
    documented_property = -1
    for number, line in enumerate(code_only(text).split("\n"), 1):
        match = DECLARATION.match(line)
        if not match:
            continue
        rest = match.group("rest")
        above = number - 2
        while above >= 0 and re.match(r"\s*(?:@\w|#if|#else|#endif|//(?!/))", lines[above]):
            above -= 1
        is_property = PROPERTY.match(rest) is not None
        excused = (
            WITNESS.search(rest) or PLAIN_INITIALISER.match(rest) or "override" in line
            or is_requirement(rest)
            or (is_property and documented_property == number - 1)
            or (is_property and TYPE.match(lines[number - 2]) is not None)
        )
        if not excused and (above < 0 or not re.match(r"\s*///|.*\*/\s*$", lines[above])):
            yield Problem(path, number, "docstring", f"`{rest.strip()[:60]}` has none")
        elif is_property:
            documented_property = number


def check_length(path: str, text: str) -> Iterator[Problem]:
    """A file that nobody reads in one sitting is split."""
    limit = TEST_LINES_MAX if path.startswith(("Tests/", "tests/")) else LINES_MAX
    count = text.count("\n")
    if path.endswith((".swift", ".py", ".js", ".c", ".cpp", ".h", ".css")) and count > limit:
        yield Problem(path, limit + 1, "length", f"{count} lines, at most {limit}")


UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:work|root)/")


def check_leftovers(path: str, text: str) -> Iterator[Problem]:
    """Nothing unfinished and no path of one machine is merged."""
    if path in SELF:
        return
    for number, line in enumerate(text.split("\n"), 1):
        for pattern, what in ((UNFINISHED, "unfinished work"), (MACHINE_PATH, "a path of one machine")):
            match = pattern.search(line)
            if match:
                yield Problem(path, number, "leftover", f"{match.group(0)}: {what}")


def check_place(path: str, size: int) -> Iterator[Problem]:
    """Every file is in a room of the house, is not empty and is no leftover of a tool."""
    top, _, rest = path.partition("/")
    if not rest and path not in TOP_LEVEL_FILES:
        yield Problem(path, 1, "stray", "not a known file of the top level")
    if rest and top not in ROOMS:
        yield Problem(path, 1, "stray", f"{top}/ is not a room of the house")
    if LEFTOVERS.search(path):
        yield Problem(path, 1, "stray", "a placeholder or a tool's leftover")
    if size == 0 and not path.endswith("__init__.py"):
        yield Problem(path, 1, "stray", "the file is empty")
    if size > 2 << 20:
        yield Problem(path, 1, "stray", f"{size} bytes; large files are fetched or made, not committed")


def long_functions(path: str, text: str) -> Iterator[Problem]:
    """Functions over one screen: worth a look, no failure."""
    if not path.endswith(".swift") or not path.startswith("Sources/"):
        return
    start, indent = 0, ""
    for number, line in enumerate(code_only(text).split("\n"), 1):
        match = re.match(r"^(\s*)(?:[\w@()]+\s+)*(?:func\s|init[?]?\s*[(<])", line)
        if match and "{" in line:
            start, indent = number, match.group(1)
        elif start and line.startswith(indent + "}"):
            if number - start > FUNCTION_LINES_MAX:
                yield Problem(path, start, "look", f"a function of {number - start} lines; a screen holds {FUNCTION_LINES_MAX}")
            start = 0


CHECKS = [check_imports, check_core, check_unsafe, check_docstrings]


def check_file(path: str, data: bytes) -> Iterator[Problem]:
    """All rules over one file; `path` is relative to the repository."""
    yield from check_place(path, len(data))
    if pathlib.PurePosixPath(path).suffix not in TEXT_SUFFIXES or path == "LICENSE":
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        yield Problem(path, 1, "text", f"not UTF-8: {error}")
        return
    yield from check_length(path, text)
    yield from check_leftovers(path, text)
    if path.endswith(".swift"):
        for check in CHECKS:
            yield from check(path, text)


def repository_files(paths: list[str]) -> list[str]:
    """What git tracks or would add, below the paths."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *paths]
    listing = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    return sorted({path for path in listing.split("\0") if path and pathlib.Path(path).is_file()})


def main(paths: list[str]) -> int:
    """Checks the files, prints what was found and returns the exit code."""
    problems: list[Problem] = []
    looks: list[Problem] = []
    files = repository_files(paths)
    if not files:
        print("tidy: no files to check")
        return 1
    for path in files:
        data = pathlib.Path(path).read_bytes()
        problems.extend(check_file(path, data))
        looks.extend(long_functions(path, data.decode("utf-8", "replace")))
    for finding in [*problems, *looks]:
        print(finding)
    print(f"tidy: {len(files)} files, {len(problems)} problems, {len(looks)} worth a look")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
