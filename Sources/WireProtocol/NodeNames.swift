import ByteCoding
import SlotMovement

/// The nodes that one message speaks of, by name: in the message a node is an index into them. Two processes number nodes differently.
struct NodeNames {
    private(set) var list: [String] = []
    private var indices: [[UInt8]: Int] = [:]

    /// Adds a name unless it is there; names beyond `WireLimits.nameBytesMax` are cut.
    ///
    /// - Returns: its index.
    @discardableResult
    mutating func add(_ name: String) -> Int {
        let name = name.cut(toBytes: WireLimits.nameBytesMax)
        if let index = indices[Array(name.utf8)] { return index }
        indices[Array(name.utf8)] = list.count
        list.append(name)
        return list.count - 1
    }

    /// The index of a name that was added.
    func index(of name: String) -> Int {
        guard let index = indices[Array(name.cut(toBytes: WireLimits.nameBytesMax).utf8)] else {
            preconditionFailure("node \(name) was never added")
        }
        return index
    }

    /// Appends names to the hot family's form of a message.
    static func encode(_ names: [String], into bytes: inout [UInt8]) {
        bytes.append(varint: names.count)
        for name in names { bytes.append(prefixed: name) }
    }

    static func decode(from reader: inout WireReader) throws(WireError) -> [String] {
        let count = try reader.number("names", below: WireLimits.nodeNamesMax + 1)
        var names: [String] = []
        for _ in 0..<count {
            let name = try reader.string()
            guard name.utf8.count <= WireLimits.nameBytesMax else {
                throw reader.malformed(
                    "names", found: UInt64(name.utf8.count), expected: UInt64(WireLimits.nameBytesMax))
            }
            names.append(name)
        }
        return names
    }
}

extension ControlReader {
    /// A node's name.
    @_lifetime(self: copy self)
    mutating func nodeName(_ field: String) throws(WireError) -> String {
        let name = try string()
        guard name.utf8.count <= WireLimits.nameBytesMax else {
            throw limitExceeded(field, found: name.utf8.count, expected: WireLimits.nameBytesMax)
        }
        return name
    }
}
