import Foundation
import Settings

extension ProcessMemory {
    /// Bytes that this process may have.
    static var limit: Int {
        limit(physical: Int(clamping: ProcessInfo.processInfo.physicalMemory)) { path in
            try? String(contentsOfFile: path, encoding: .utf8)
        }
    }
}
