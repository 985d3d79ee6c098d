internal import ByteCoding

/// The mark `N.block.damaged`: slot blocks of a file that cannot be read any more, and are hidden from then on. It goes with the file.
///
/// Source: docs/formats/block.md, section 4.
enum DamageMark {
    /// What becomes of a slot block's samples.
    enum Fate: String {
        /// Other members may have them.
        case sought
        /// The checkpoint alone may have them.
        case awaited
        /// They are in other files again.
        case replaced
        /// Nobody was found who has them: answers about their time warn.
        case lost
    }

    private static let suffix = ".damaged"

    /// The mark of a block file, by name or by path.
    static func name(of block: String) -> String { block + suffix }

    /// Writes the mark of the block file at `path` durably, in the place of the one before.
    static func set(_ path: String, _ fates: [UInt16: Fate]) throws(FileError) {
        let lines = fates.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.rawValue)\n" }.joined()
        try FileDescriptor.replace(name(of: path), with: Array((head(of: lines) + lines).utf8))
    }

    /// Names the format's version, and tells of lines that rotted.
    private static func head(of lines: String) -> String {
        let bytes = Array(lines.utf8)
        return "1 \(CRC32C.of(bytes.rawSpan))\n"
    }

    /// All marks in a folder, by the numbers of their files; those without a file are removed. What a mark does not say is found out again.
    static func all(in folder: String) throws(FileError) -> [UInt32: [UInt16: Fate]] {
        let names = try SystemCalls.list(folder)
        let present = Set(names)
        var marks: [UInt32: [UInt16: Fate]] = [:]
        for name in names where name.hasSuffix(".block" + suffix) {
            let block = String(name.dropLast(suffix.count))
            guard present.contains(block), let number = UInt32(block.dropLast(6)) else {
                try SystemCalls.remove(folder + "/" + name)
                continue
            }
            // A mark that the disk does not give, or gives otherwise, is no reason not to start.
            guard let bytes = try? FileDescriptor.contents(of: folder + "/" + name) else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            let end = text.firstIndex(of: "\n").map(text.index(after:)) ?? text.startIndex
            let lines = String(text[end...])
            guard text[..<end] == head(of: lines) else { continue }
            for line in lines.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 2, let slot = UInt16(words[0]), let fate = Fate(rawValue: String(words[1]))
                else { continue }
                marks[number, default: [:]][slot] = fate
            }
        }
        return marks
    }
}
