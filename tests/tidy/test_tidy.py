"""The checker is checked: each rule finds what it must and leaves alone what it may not touch."""

import importlib.util
import pathlib
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
specification = importlib.util.spec_from_file_location("tidy", REPOSITORY / "bin" / "tidy.py")
assert specification and specification.loader
tidy = importlib.util.module_from_spec(specification)
specification.loader.exec_module(tidy)


def rules(path: str, text: str) -> list[tuple[int, str]]:
    """The (line, rule) of each problem in a file of that name with that text."""
    return [(problem.line, problem.rule) for problem in tidy.check_file(path, text.encode())]


def test_the_house_is_tidy():
    result = subprocess.run(["bin/tidy"], cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


SCRIPTS = sorted([*(REPOSITORY / "bin").glob("*.py"), *(REPOSITORY / "Benchmarks").glob("*.py")])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_finds_what_it_imports(script, monkeypatch):
    monkeypatch.syspath_prepend(str(script.parent))
    loaded = importlib.util.spec_from_file_location("script_under_test", script)
    assert loaded and loaded.loader
    loaded.loader.exec_module(importlib.util.module_from_spec(loaded))


@pytest.mark.parametrize(
    "line",
    [
        "import NIOCore", "package import NIOCore", "@preconcurrency import Foundation", "internal import Logging",
        "import struct Foundation.Date", "import FoundationEssentials", "import Glibc", "import Dispatch",
    ],
)
def test_a_core_may_not_import_the_outside(line):
    assert rules("Sources/SeriesEngine/Engine.swift", f"import MetricModel\n{line}\n") == [(2, "core")]


@pytest.mark.parametrize(
    ("path", "line", "rule"),
    [
        ("Sources/SeriesEngine/A.swift", "import EngineStorage", "arrow"),
        ("Sources/SeriesEngine/A.swift", "package import AggregatorRole", "arrow"),
        ("Sources/HTTPSurface/A.swift", "import CoordinatorRole", "arrow"),
        ("Sources/RouterRole/A.swift", "import CoordinatorRole", "arrow"),
        ("Sources/RouterRole/A.swift", "import murmur", "arrow"),
        ("Sources/RouterRole/A.swift", "import Yams", "arrow"),
        ("Sources/SeriesEngine/A.swift", "import CSnappy", "shim"),
        ("Sources/CheckpointSQLite/A.swift", "import CLibPQ", "shim"),
        ("Sources/NewTarget/A.swift", "import MetricModel", "tier"),
    ],
)
def test_an_arrow_may_not_point_up(path, line, rule):
    assert [found for _, found in rules(path, line + "\n")] == [rule]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("Sources/SeriesEngine/A.swift", "package import ChunkCoding"),
        ("Sources/SeriesEngine/A.swift", "import Synchronization"),
        ("Sources/IngestFormats/A.swift", "import CSnappy"),
        ("Sources/NodeAgent/A.swift", "import HTTPSurface"),
        ("Sources/RouterRole/A.swift", "import NIOCore"),
        ("Sources/murmur/A.swift", "import Yams"),
        ("Sources/SeriesEngine/A.swift", "// import NIOCore"),
    ],
)
def test_an_arrow_may_point_down(path, line):
    assert rules(path, line + "\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "let a = Date()", "let a = ContinuousClock.now", "let a = clock.now", "let c = SuspendingClock()",
        "let r = Int.random(in: 0..<3)", "let r = Bool.random()", "let s = list.shuffled()", "let e = list.randomElement()",
        "var g = SystemRandomNumberGenerator()", "try await Task.sleep(for: x)", "print(a)", "Task { await f() }",
        'let home = getenv("HOME")', "let id = UUID()",
    ],
)
def test_a_core_has_no_clock_randomness_thread_or_output(line):
    assert ("core") in [rule for _, rule in rules("Sources/Placement/A.swift", line + "\n")]
    assert rules("Sources/NodeAgent/A.swift", line + "\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "// Date() is not used here", 'let text = "Date() and .now"', "let r = Int.random(in: 0..<3, using: &generator)",
        "let s = list.shuffled(using: &generator)", "let n = nowMilliseconds", "let u = Update()", "blueprint(a)",
        'let text = """\n    Date()\n    """', 'let raw = #"Date() "quoted" "#',
    ],
)
def test_a_core_may_speak_of_clocks_and_take_generators(line):
    assert rules("Sources/Placement/A.swift", line + "\n") == []


def test_unsafe_pointers_stay_in_byte_coding_and_say_why():
    unsafe = "func f(p: UnsafeRawPointer) {}\n"
    assert rules("Sources/Placement/A.swift", "// SAFETY: it is.\n" + unsafe) == [(2, "unsafe")]
    assert rules("Sources/ByteCoding/A.swift", "// SAFETY: it is.\n" + unsafe) == []
    assert rules("Sources/ByteCoding/A.swift", unsafe) == [(1, "unsafe")]


@pytest.mark.parametrize(
    "text",
    [
        "package func f() {}", "public struct S {}", "\n    package static let limit = 3", "@inlinable\npackage func f() {}",
        "// a remark\npackage enum E {}", "package init(x: Int) throws {}", "package mutating func f() {}",
        "/// Documented.\n\npackage protocol P {}",
    ],
)
def test_what_other_modules_see_has_a_docstring(text):
    assert [rule for _, rule in rules("Sources/Placement/A.swift", text + "\n")] == ["docstring"]


@pytest.mark.parametrize(
    "text",
    [
        "/// Documented.\npackage func f() {}", "/// Documented.\n@inlinable\npackage func f() {}", "func f() {}",
        "/// Documented.\npackage struct S {\n    package var a: Int\n    package var b: Int\n}", "package init(x: Int) {}",
        "package static func == (a: S, b: S) -> Bool { true }", "package import MetricModel", "package extension S {}",
    ],
)
def test_documented_and_private_declarations_pass(text):
    assert rules("Sources/Placement/A.swift", text + "\n") == []


def test_long_files_are_split():
    assert rules("Sources/Placement/A.swift", "let a = 1\n" * 701) == [(701, "length")]
    assert rules("Sources/Placement/A.swift", "let a = 1\n" * 700) == []
    assert rules("Tests/PlacementTests/A.swift", "let a = 1\n" * 1000) == []
    assert rules("Tests/PlacementTests/A.swift", "let a = 1\n" * 1001) == [(1001, "length")]


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "X" + "XX"])
def test_unfinished_work_is_found(word):
    assert rules("Sources/Placement/A.swift", f"// {word}: later\n") == [(1, "leftover")]


@pytest.mark.parametrize(
    "path", ["notes.txt", "scratch/A.swift", "Sources/Placement/Placeholder.swift", "web/app.js.orig", "docs/.DS_Store"]
)
def test_strays_are_found(path):
    assert "stray" in [rule for _, rule in rules(path, "something\n")]


def test_an_empty_file_is_a_stray():
    assert rules("docs/a.md", "") == [(1, "stray")]


def test_every_target_of_the_package_has_a_tier():
    targets = {path.name for path in (REPOSITORY / "Sources").iterdir() if path.is_dir() and path.name != "Shims"}
    assert targets <= set(tidy.TIERS)


def test_long_functions_are_listed_for_a_look():
    body = "func f() {\n" + "    let a = 1\n" * 71 + "}\n"
    found = list(tidy.long_functions("Sources/Placement/A.swift", body))
    assert [(problem.line, problem.rule) for problem in found] == [(1, "look")]
