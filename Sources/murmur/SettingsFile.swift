import Foundation
import Settings
import Yams

/// Reads a settings file: a YAML mapping from the names of settings to values.
enum SettingsFile {
    /// Largest file.
    static let bytesMax = 1 << 20

    /// Keys and values in the file's order; a list of values is joined by commas.
    static func read(path: String) throws(SettingsError) -> [(key: String, value: String)] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .badFile(path: path, reason: "it does not exist or cannot be read")
        }
        if data.count > bytesMax { throw .badFile(path: path, reason: "it is larger than \(bytesMax) bytes") }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .badFile(path: path, reason: "it is not UTF-8")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            let reason = "\(error)".split(separator: "\n").joined(separator: " ")
            throw .badFile(path: path, reason: "it is not YAML: \(reason)")
        }
        guard let node else { return [] }
        if node.scalar?.string == "" { return [] }
        guard let mapping = node.mapping else { throw .badFile(path: path, reason: "it is not a list of `key: value`") }
        var result: [(key: String, value: String)] = []
        for (key, value) in mapping {
            guard let name = key.scalar?.string else { throw .badFile(path: path, reason: "a key is not a word") }
            if let scalar = value.scalar {
                result.append((name, scalar.string))
            } else if let items = value.sequence?.map({ $0.scalar?.string }), !items.contains(nil) {
                result.append((name, items.compactMap(\.self).joined(separator: ",")))
            } else {
                throw .badFile(path: path, reason: "the value of \(name) is neither a word nor a list of words")
            }
        }
        return result
    }
}
