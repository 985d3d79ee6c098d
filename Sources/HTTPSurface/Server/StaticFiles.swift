import ByteCoding
import FoundationEssentials
package import NIOCore

/// The files of the web application, read into memory once, when the server starts.
///
/// A request is a look-up among the names that were there: no path from outside ever reaches the file system, so there is
/// nothing to traverse.
package struct StaticFiles: Sendable {
    /// One file as it is served.
    package struct File: Sendable, Equatable {
        /// The bytes.
        package var body: ByteBuffer
        /// By the name's ending.
        package var contentType: String
        /// Strong, of the bytes, in quotes.
        package var entityTag: String
    }

    /// Largest sum of file sizes.
    package static let bytesMax = 64 << 20

    /// No files: every path is not found.
    package static let none = StaticFiles()

    private let files: [String: File]

    private init() {
        files = [:]
    }

    /// Reads every file of a type that browsers load below `directory`; names that begin with a dot are left out.
    ///
    /// The directory itself may be a symbolic link, and so may what is in it, as long as it leads to something in it: what
    /// leads out of the directory is left out.
    ///
    /// - Throws: `StaticFilesError` when the directory is unreadable, has no `index.html`, or is too large.
    package init(directory: String) throws(StaticFilesError) {
        var files: [String: File] = [:]
        var bytesLeft = StaticFiles.bytesMax
        let root = StaticFiles.resolved(directory)
        let inside = root.hasSuffix("/") ? root : root + "/"
        let names: [String]
        do {
            names = try FileManager.default.subpathsOfDirectory(atPath: root)
        } catch {
            throw StaticFilesError(directory: directory, reason: "it cannot be read")
        }
        for name in names {
            let isHidden = name.split(separator: "/").contains { $0.first == "." }
            guard !isHidden, let contentType = StaticFiles.contentType(of: name) else { continue }
            let path = StaticFiles.resolved(inside + name)
            guard path.hasPrefix(inside), let data = FileManager.default.contents(atPath: path) else { continue }
            bytesLeft -= data.count
            if bytesLeft < 0 {
                throw StaticFilesError(
                    directory: directory, reason: "it has over \(StaticFiles.bytesMax) bytes of files")
            }
            let bytes = Array(data)
            let tag = String(XXH3.hash64(bytes.rawSpan), radix: 16)
            files[name] = File(body: ByteBuffer(bytes: bytes), contentType: contentType, entityTag: "\"\(tag)\"")
        }
        if files["index.html"] == nil {
            throw StaticFilesError(directory: directory, reason: "there is no index.html in it")
        }
        self.files = files
    }

    /// Whether there is an application to serve.
    package var isEmpty: Bool { files.isEmpty }

    /// The file for a path as sent, nil when there is none; `/` is `index.html`.
    ///
    /// The application finds its views by what stands behind the `#`, which browsers do not send: a path that names no file
    /// is no page either.
    ///
    /// `path` is percent-encoded and begins with `/`.
    package func file(path: String) -> File? {
        guard let name = try? RequestParameters.decode(path.utf8.dropFirst()) else { return nil }
        return files[name.isEmpty ? "index.html" : name]
    }

    private static func resolved(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    private static func contentType(of name: String) -> String? {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js", "mjs": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "json", "map": "application/json"
        case "svg": "image/svg+xml"
        case "png": "image/png"
        case "ico": "image/x-icon"
        case "woff2": "font/woff2"
        case "txt": "text/plain; charset=utf-8"
        case "webmanifest": "application/manifest+json"
        case .some, nil: nil
        }
    }
}

/// Why the web application's files cannot be served.
package struct StaticFilesError: Error, Equatable, CustomStringConvertible {
    /// The directory as configured.
    package var directory: String
    /// What is wrong with it.
    package var reason: String

    /// What is wrong with a directory.
    package init(directory: String, reason: String) {
        self.directory = directory
        self.reason = reason
    }

    /// A sentence for the log.
    package var description: String { "web directory \"\(directory)\": \(reason)" }
}
