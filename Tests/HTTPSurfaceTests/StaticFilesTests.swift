import Foundation
import HTTPSurface
import HTTPTypes
import Hummingbird
import NIOCore
import Testing

/// A directory of files that goes when the test ends.
@discardableResult
private func withFiles<Value>(_ files: [String: String], _ body: (String) throws -> Value) throws -> Value {
    let root = FileManager.default.temporaryDirectory.appending(path: "murmur-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    for (name, text) in files {
        let file = root.appending(path: name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }
    return try body(root.path)
}

@Suite struct WebFiles {
    private static let site = [
        "index.html": "<p>", "app.js": "1", "styles/base.css": "a{}", "mark.svg": "<svg/>", ".git/config": "secret",
        "notes.md": "no", "vendor/.hidden.js": "no",
    ]

    @Test("files are found by path, pages of the application get index.html, and nothing else is found")
    func found() throws {
        let files = try withFiles(WebFiles.site) { try StaticFiles(directory: $0) }
        #expect(files.file(path: "/app.js")?.contentType == "text/javascript; charset=utf-8")
        #expect(files.file(path: "/styles/base.css")?.contentType == "text/css; charset=utf-8")
        #expect(files.file(path: "/mark.svg")?.contentType == "image/svg+xml")
        #expect(files.file(path: "/%61pp.js")?.body == ByteBuffer(string: "1"))
        for page in ["/", "/server/web-1", "/explore"] {
            #expect(files.file(path: page)?.contentType == "text/html; charset=utf-8", "\(page)")
        }
        for path in [
            "/.git/config", "/notes.md", "/missing.js", "/vendor/.hidden.js", "/../etc/passwd.txt",
            "/..%2f..%2fetc.txt",
            "/%2e%2e/x.js", "//app.js", "/app.js/", "/%00.js", "/%zz",
        ] {
            #expect(files.file(path: path)?.body != ByteBuffer(string: "secret"), "\(path)")
            #expect(files.file(path: path).map { $0.contentType.hasPrefix("text/html") } ?? true, "\(path)")
        }
    }

    @Test("a directory that is none, or has no index.html, is an error that names it")
    func unusable() throws {
        #expect(throws: StaticFilesError.self) { try StaticFiles(directory: "/nonexistent/web") }
        try withFiles(["a.js": ""]) { root in
            #expect(throws: StaticFilesError(directory: root, reason: "there is no index.html in it")) {
                try StaticFiles(directory: root)
            }
        }
    }

    @Test("files carry a tag, and who has the tag is told that nothing changed")
    func tags() async throws {
        var services = testServices()
        services.files = try withFiles(WebFiles.site) { try StaticFiles(directory: $0) }
        let responder = SurfaceResponder(configuration: SurfaceConfiguration(), services: services, logger: silent)
        func get(_ headers: HTTPFields) async throws -> Response {
            let head = HTTPRequest(method: .get, scheme: "http", authority: "a", path: "/app.js", headerFields: headers)
            return try await responder.respond(
                to: Request(head: head, body: RequestBody(buffer: ByteBuffer())), context: .init())
        }
        let first = try await get([:])
        let tag = try #require(first.headers[.eTag])
        #expect(
            first.status == .ok && first.headers[.cacheControl] == "no-cache" && first.headers[.contentLength] == "1")
        #expect(first.headers[.contentSecurityPolicy] != nil)
        for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
            #expect(try await get([.ifNoneMatch: known]).status == .notModified)
        }
        #expect(try await get([.ifNoneMatch: "\"other\""]).status == .ok)
    }
}
