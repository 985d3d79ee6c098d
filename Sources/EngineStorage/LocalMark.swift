/// A block file that is gone, or of one that is there a slot block that cannot be read, and that nobody else is known to have.
package struct LostBlock: Equatable, Sendable {
    /// Of the file.
    package let number: UInt32
    /// Of the slot block; nil for a whole file.
    package let slot: UInt16?
    /// Time of its first sample, Unix milliseconds; the least possible when that is not known.
    package let minTime: Int64
    /// Time of its last sample, Unix milliseconds; the greatest possible when that is not known.
    package let maxTime: Int64

    /// What is missing and why, a line for each file.
    package static func problems(of lost: [LostBlock]) -> [String] {
        Dictionary(grouping: lost, by: \.number).sorted { $0.key < $1.key }.map { number, parts in
            let file = "the block file \(BlockFile.name(number))"
            guard let slot = parts[0].slot, !parts.contains(where: { $0.slot == nil }) else {
                return "\(file) is gone, and the checkpoint is not known to have it"
            }
            let slots = parts.count == 1 ? "slot \(slot)" : "\(parts.count) slots"
            return "\(slots) of \(file) cannot be read, and nobody is known to have what was there"
        }
    }
}

/// The mark `N.block.local`, with the file's times: the block is in this file and nowhere else.
///
/// Set once the file is there, removed when the checkpoint has its blocks or before the file is dropped: so a mark without its file
/// tells that samples are lost, and of which time.
enum LocalMark {
    private static let suffix = ".local"

    /// The mark of a block file, by name or by path.
    static func name(of block: String) -> String { block + suffix }

    /// Sets the mark of the block file at `path` durably.
    static func set(_ path: String, minTime: Int64, maxTime: Int64) throws(FileError) {
        try FileDescriptor.replace(name(of: path), with: Array("\(minTime) \(maxTime)\n".utf8))
    }

    /// The blocks whose marks are there without them, by ascending number.
    static func orphans(in folder: String) throws(FileError) -> [LostBlock] {
        let names = try SystemCalls.list(folder)
        let all = Set(names)
        var lost: [LostBlock] = []
        for name in names where name.hasSuffix(".block" + suffix) {
            let block = String(name.dropLast(suffix.count))
            guard let number = UInt32(block.dropLast(6)), !all.contains(block) else { continue }
            let text = String(decoding: try FileDescriptor.contents(of: folder + "/" + name), as: UTF8.self)
            let times = text.split(whereSeparator: \.isWhitespace).map { Int64($0) }
            // A mark that says nothing may stand for any time.
            lost.append(
                LostBlock(
                    number: number, slot: nil, minTime: times.count == 2 ? times[0] ?? .min : .min,
                    maxTime: times.count == 2 ? times[1] ?? .max : .max))
        }
        return lost
    }
}
