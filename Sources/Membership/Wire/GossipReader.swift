import ByteCoding

/// Reads one message of the gossip protocol, telling every fault the message's name.
struct GossipReader: ~Escapable {
    private var reader: ByteReader
    let place: String

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, place: String) {
        reader = ByteReader(bytes)
        self.place = place
    }

    var isAtEnd: Bool { reader.isAtEnd }
    var offset: Int { reader.offset }

    /// A fault at the place that has been reached.
    func fault(_ code: MembershipError.Code) -> MembershipError {
        MembershipError(code, in: place, offset: reader.offset)
    }

    @_lifetime(self: copy self)
    mutating func uint8() throws(MembershipError) -> UInt8 {
        do { return try reader.readUInt8() } catch { throw MembershipError(error, in: place) }
    }

    @_lifetime(self: copy self)
    mutating func uint16() throws(MembershipError) -> UInt16 {
        do { return try reader.readUInt16() } catch { throw MembershipError(error, in: place) }
    }

    @_lifetime(self: copy self)
    mutating func uint32() throws(MembershipError) -> UInt32 {
        do { return try reader.readUInt32() } catch { throw MembershipError(error, in: place) }
    }

    @_lifetime(self: copy self)
    mutating func uint64() throws(MembershipError) -> UInt64 {
        do { return try reader.readUInt64() } catch { throw MembershipError(error, in: place) }
    }

    @_lifetime(self: copy self)
    mutating func varint() throws(MembershipError) -> UInt64 {
        do { return try reader.readVarint() } catch { throw MembershipError(error, in: place) }
    }

    @_lifetime(self: copy self)
    mutating func uint16Varint() throws(MembershipError) -> UInt16 {
        let value = try varint()
        guard value <= UInt64(UInt16.max) else { throw fault(.malformed) }
        return UInt16(value)
    }

    /// A varint count of things that take at least a byte each, at most `max`.
    @_lifetime(self: copy self)
    mutating func count(max: Int) throws(MembershipError) -> Int {
        let count: Int
        do { count = try reader.readCount() } catch { throw MembershipError(error, in: place) }
        guard count <= max else { throw fault(.limitExceeded) }
        return count
    }

    @_lifetime(self: copy self)
    mutating func string(bytesMax: Int) throws(MembershipError) -> String {
        let text: String
        do { text = try reader.readString() } catch { throw MembershipError(error, in: place) }
        guard text.utf8.count <= bytesMax else { throw fault(.limitExceeded) }
        return text
    }

    @_lifetime(self: copy self)
    mutating func name() throws(MembershipError) -> MemberName {
        try MemberName(try string(bytesMax: MemberName.bytesMax))
    }

    @_lifetime(self: copy self)
    mutating func instance() throws(MembershipError) -> MemberInstance {
        MemberInstance(high: try uint64(), low: try uint64(), boot: try varint())
    }

    @_lifetime(self: copy self)
    mutating func clusterID() throws(MembershipError) -> ClusterID {
        ClusterID(high: try uint64(), low: try uint64())
    }

    @_lifetime(self: copy self)
    mutating func address() throws(MembershipError) -> NodeAddress {
        guard let address = try optionalAddress() else { throw fault(.malformed) }
        return address
    }

    @_lifetime(self: copy self)
    mutating func optionalAddress() throws(MembershipError) -> NodeAddress? {
        switch try uint8() {
        case 0: return nil
        case 4: return NodeAddress(v4: try uint32(), port: try uint16())
        case 6:
            let address = NodeAddress(high: try uint64(), low: try uint64(), port: try uint16())
            // One address has one form, or equal records would differ in their bytes.
            guard address.v4 == nil else { throw fault(.malformed) }
            return address
        default: throw fault(.malformed)
        }
    }

    /// A varint length, at most `max`, and as many bytes, not copied.
    @_lifetime(self: copy self)
    @_lifetime(copy self)
    mutating func prefixedSpan(max: Int) throws(MembershipError) -> RawSpan {
        let count = try count(max: max)
        do { return try reader.readSpan(count: count) } catch { throw MembershipError(error, in: place) }
    }

    /// What is left, copied.
    @_lifetime(self: copy self)
    mutating func rest() throws(MembershipError) -> [UInt8] {
        do { return try reader.readBytes(count: reader.remaining) } catch { throw MembershipError(error, in: place) }
    }

    func expectEnd() throws(MembershipError) {
        guard reader.isAtEnd else { throw fault(.trailingBytes) }
    }
}

extension [UInt8] {
    mutating func append(instance: MemberInstance) {
        append(littleEndian: instance.high)
        append(littleEndian: instance.low)
        append(varint: instance.boot)
    }

    mutating func append(clusterID: ClusterID) {
        append(littleEndian: clusterID.high)
        append(littleEndian: clusterID.low)
    }

    mutating func append(address: NodeAddress) {
        if let v4 = address.v4 {
            append(4)
            append(littleEndian: v4)
        } else {
            append(6)
            append(littleEndian: address.high)
            append(littleEndian: address.low)
        }
        append(littleEndian: address.port)
    }

    mutating func append(optionalAddress address: NodeAddress?) {
        if let address { append(address: address) } else { append(0) }
    }
}
