import Foundation
import HTTPSurface
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
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

/// Collects a response's body as text.
private final class TextCollector: ResponseBodyWriter {
    let text = Mutex("")

    func write(_ buffer: ByteBuffer) async throws { text.withLock { $0 += String(buffer: buffer) } }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

@Suite struct WebFiles {
    private static let site = [
        "index.html": "<p>", "app.js": "1", "styles/base.css": "a{}", "mark.svg": "<svg/>", ".git/config": "secret",
        "notes.md": "no", "vendor/.hidden.js": "no",
    ]

    @Test("files are found by path, the root is index.html, and nothing else is found")
    func found() throws {
        let files = try withFiles(WebFiles.site) { try StaticFiles(directory: $0) }
        #expect(files.file(path: "/app.js")?.contentType == "text/javascript; charset=utf-8")
        #expect(files.file(path: "/styles/base.css")?.contentType == "text/css; charset=utf-8")
        #expect(files.file(path: "/mark.svg")?.contentType == "image/svg+xml")
        #expect(files.file(path: "/%61pp.js")?.body == ByteBuffer(string: "1"))
        for page in ["/", "/index.html"] {
            #expect(files.file(path: page)?.contentType == "text/html; charset=utf-8", "\(page)")
        }
        for path in [
            "/.git/config", "/notes.md", "/missing.js", "/vendor/.hidden.js", "/../etc/passwd.txt",
            "/..%2f..%2fetc.txt",
            "/%2e%2e/x.js", "//app.js", "/app.js/", "/%00.js", "/%zz", "/server/web-1", "/explore", "/nope/deep",
            "/styles", "/styles/", "//",
        ] {
            #expect(files.file(path: path) == nil, "\(path)")
        }
        #expect(!files.isEmpty && StaticFiles.none.isEmpty && StaticFiles.none.file(path: "/") == nil)
    }

    @Test("a directory may be a symbolic link, and files in it may link to each other, but not out of it")
    func links() throws {
        try withFiles(["site/real.js": "1", "secret.js": "0", "site2/x.js": "0"]) { root in
            let manager = FileManager.default
            func link(_ path: String, to destination: String) throws {
                try manager.createSymbolicLink(atPath: root + "/" + path, withDestinationPath: destination)
            }
            try Data("<p>".utf8).write(to: URL(fileURLWithPath: root + "/site/page.html"))
            try link("site/index.html", to: "page.html")
            try link("site/again.js", to: root + "/site/real.js")
            try link("site/out.js", to: "../secret.js")
            try link("site/beside.js", to: "../site2/x.js")
            try link("site/gone.js", to: "nothing.js")
            try link("site/round.js", to: "round.js")
            try link("site/folder", to: "..")
            try link("current", to: "site")
            try link("further", to: root + "/current")
            for directory in ["site", "current", "current/", "further"] {
                let files = try StaticFiles(directory: root + "/" + directory)
                #expect(files.file(path: "/")?.body == ByteBuffer(string: "<p>"))
                #expect(files.file(path: "/again.js")?.body == ByteBuffer(string: "1"))
                let leadingOut = ["/out.js", "/beside.js", "/folder/secret.js", "/folder/site/real.js"]
                for path in leadingOut + ["/gone.js", "/round.js"] {
                    #expect(files.file(path: path) == nil, "\(path)")
                }
            }
        }
    }

    @Test("an unknown path is not found: a page with a way home for browsers, a line for programs, JSON for the API")
    func unknownPaths() async throws {
        var services = testServices()
        services.files = try withFiles(WebFiles.site) { try StaticFiles(directory: $0) }
        func get(_ path: String, accept: String?, _ services: SurfaceServices) async throws -> (Response, String) {
            let responder = SurfaceResponder(configuration: SurfaceConfiguration(), services: services, logger: silent)
            let headers: HTTPFields = accept.map { [.accept: $0] } ?? [:]
            let head = HTTPRequest(method: .get, scheme: "http", authority: "a", path: path, headerFields: headers)
            let response = try await responder.respond(
                to: Request(head: head, body: RequestBody(buffer: ByteBuffer())), context: .init())
            let text = TextCollector()
            try await response.body.write(text)
            return (response, text.text.withLock { $0 })
        }
        for path in ["/nope", "/nope/deep", "/nope/deep.js"] {
            let (page, html) = try await get(path, accept: "text/html,application/xhtml+xml,*/*;q=0.8", services)
            #expect(page.status == .notFound && page.headers[.contentType] == "text/html; charset=utf-8")
            #expect(html.contains("<a href=\"/\">") && !html.contains("nope"), "\(html)")
            #expect(page.headers[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
            let (line, text) = try await get(path, accept: nil, services)
            #expect(line.status == .notFound && line.headers[.contentType] == "text/plain; charset=utf-8")
            #expect(text == "there is nothing at this path; the web application is at /\n")
        }
        let (api, json) = try await get("/api/v1/nope/deep", accept: "text/html", services)
        #expect(api.status == .notFound && json.contains(#""errorType":"not_found""#))
        let (bare, html) = try await get("/", accept: "text/html", testServices())
        #expect(bare.status == .notFound && html.contains("serves no web application") && !html.contains("href"))
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
