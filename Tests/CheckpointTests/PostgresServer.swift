import Foundation
import Synchronization

/// A real PostgreSQL in a directory of its own, on a Unix socket in it; gone with the test process.
///
/// `Process.waitUntilExit` waits for all who inherited its descriptors, so nothing may be started here that leaves a daemon behind.
final class PostgresServer: Sendable {
    /// The newest installed version's programs; nil where PostgreSQL is not installed.
    static let programs: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.compactMap(Int.init).max().map { "\(root)/\($0)/bin" }
        return newest.flatMap { FileManager.default.isExecutableFile(atPath: "\($0)/postgres") ? $0 : nil }
    }()

    /// One for all tests that do not stop it.
    static let shared: PostgresServer = {
        do { return try PostgresServer() } catch { fatalError("PostgreSQL for the tests does not start: \(error)") }
    }()

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let directory: String
    private let nextDatabase = Mutex(0)

    /// The server: our own child, since setpriv and postgres take each other's place and do not fork.
    private let pid = Mutex<pid_t>(0)

    /// Servers that are ended when the process ends.
    private static let running = Mutex<[PostgresServer]>([])
    private static let endsAtExit: Void = { atexit { PostgresServer.running.withLock { $0 }.forEach { $0.end() } } }()

    /// Creates a data directory and starts a server on it.
    init() throws {
        directory = NSTemporaryDirectory() + "murmur-pg-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        if getuid() == 0 {
            try FileManager.default.setAttributes([.ownerAccountName: "postgres"], ofItemAtPath: directory)
        }
        try Self.run(
            asOwner: "initdb", ["-D", data, "-U", "murmur", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
        let rules = "local secret all scram-sha-256\nlocal all all trust\n"
        try rules.write(toFile: "\(data)/pg_hba.conf", atomically: false, encoding: .utf8)
        _ = Self.endsAtExit
        Self.running.withLock { $0.append(self) }
        try start()
    }

    private var data: String { "\(directory)/data" }

    /// A URI for the server's socket.
    func uri(database: String = "postgres", user: String = "murmur") -> String {
        "postgresql://\(user)@/\(database)?host=\(directory.replacing("/", with: "%2F"))"
    }

    /// Starts the server and waits until it answers.
    func start() throws {
        let options = ["listen_addresses=", "unix_socket_directories=\(directory)", "fsync=off", "max_connections=60"]
        let log = FileHandle(forWritingAtPath: try Self.scratchFile("\(directory)/log"))
        let process = Self.process(asOwner: "postgres", ["-D", data] + options.flatMap { ["-c", $0] }, output: log)
        try process.run()
        pid.withLock { $0 = process.processIdentifier }
        var answer: any Error = Failure(description: "no answer")
        for _ in 0..<600 {
            do {
                try sql("SELECT 1")
                return
            } catch { answer = error }
            usleep(50_000)
        }
        throw answer
    }

    /// Stops the server: SIGINT is a fast shutdown, SIGQUIT an immediate one, as after a crash.
    func stop(_ signal: Int32) {
        let pid = pid.withLock { pid in
            defer { pid = 0 }
            return pid
        }
        guard pid > 0 else { return }
        kill(pid, signal)
        for _ in 0..<2_000 where kill(pid, 0) == 0 { usleep(10_000) }
    }

    /// Stops the server and removes its directory.
    func end() {
        stop(SIGQUIT)
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Creates an empty database and returns its URI.
    func createDatabase(named wanted: String? = nil) throws -> String {
        let name =
            wanted
            ?? nextDatabase.withLock { number in
                number += 1
                return "test_\(number)"
            }
        try sql("CREATE DATABASE \(name)")
        return uri(database: name)
    }

    /// Runs statements with psql and returns what it prints, unaligned.
    @discardableResult
    func sql(_ statements: String, uri: String? = nil) throws -> String {
        try Self.run(
            asOwner: "psql",
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements, uri ?? self.uri()])
    }

    private static func process(asOwner program: String, _ arguments: [String], output: FileHandle?) -> Process {
        let path = "\(programs ?? "")/\(program)"
        let process = Process()
        // PostgreSQL refuses to run as root; its package made a user for it.
        let isRoot = getuid() == 0
        let owner = ["--reuid=postgres", "--regid=postgres", "--clear-groups", path]
        process.executableURL = URL(fileURLWithPath: isRoot ? "/usr/bin/setpriv" : path)
        process.arguments = (isRoot ? owner : []) + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        process.standardOutput = output
        process.standardError = output
        return process
    }

    @discardableResult
    private static func run(asOwner program: String, _ arguments: [String]) throws -> String {
        let output = try scratchFile(NSTemporaryDirectory() + "murmur-out-\(UInt64.random(in: 0 ... .max))")
        defer { try? FileManager.default.removeItem(atPath: output) }
        let process = process(asOwner: program, arguments, output: FileHandle(forWritingAtPath: output))
        try process.run()
        process.waitUntilExit()
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard process.terminationStatus == 0 else { throw Failure(description: "\(program) \(arguments): \(text)") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func scratchFile(_ path: String) throws -> String {
        guard FileManager.default.createFile(atPath: path, contents: nil) else {
            throw Failure(description: "cannot write \(path)")
        }
        return path
    }
}
