internal import Foundation
package import HTTPSurface

/// The web application role: finds the browser application's files and has them served.
package enum WebDirectory {
    /// Loads the application.
    ///
    /// Looked for: the directory that was configured; else `web` in the working directory; else `share/murmuration/web` beside the
    /// directory of the program.
    ///
    /// - Parameters:
    ///   - configured: the `web-dir` setting, nil when it was not set.
    ///   - program: path of the running program.
    /// - Returns: the files, read into memory; nil when none was configured and there is none.
    /// - Throws: `StaticFilesError`, naming the directory.
    package static func load(configured: String?, program: String) throws -> StaticFiles? {
        if let configured { return try StaticFiles(directory: configured) }
        let installed = URL(fileURLWithPath: program).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("share/murmuration/web").path
        for directory in ["web", installed]
        where FileManager.default.fileExists(atPath: directory + "/index.html") {
            return try StaticFiles(directory: directory)
        }
        return nil
    }
}
