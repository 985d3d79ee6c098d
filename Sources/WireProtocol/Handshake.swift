import ByteCoding

/// Bits of abilities beyond the agreed version.
package struct FeatureSet: OptionSet, Hashable, Sendable {
    /// One bit a feature; bit numbers are never reused.
    package let rawValue: UInt64

    /// The features whose bits are set.
    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The node evaluates fragments of queries.
    package static let fragments = FeatureSet(rawValue: 1 << 0)
    /// The node keeps slots together with others: it takes `store` and `movement` requests, and says for which slots an answer was whole.
    package static let replicas = FeatureSet(rawValue: 1 << 1)
    /// The node keeps native histograms: they may stand in what is written to it and in what it is answered.
    package static let histograms = FeatureSet(rawValue: 1 << 2)
    /// The node keeps deletions, and leaves out what those that a fragment names hide.
    package static let deletions = FeatureSet(rawValue: 1 << 3)
    /// The node tells which times of its data changed since when: it takes `changes` requests.
    package static let changes = FeatureSet(rawValue: 1 << 4)
    /// What this program can use.
    package static let known: FeatureSet = [.fragments, .replicas, .histograms, .deletions, .changes]
}

/// Who a node says it is.
package struct NodeIdentity: Hashable, Sendable {
    /// The cluster's name; nodes of different clusters refuse each other.
    package var cluster: String
    /// The node's name, for logs and status.
    package var node: String
    /// The cluster's identity, by which two clusters of one name differ; empty for a node that is not part of one yet.
    package var clusterID = ""

    /// A node of `cluster`. Names beyond `WireLimits.nameBytesMax` are cut when they are sent.
    package init(cluster: String, node: String) {
        self.cluster = cluster
        self.node = node
    }
}

/// What one side of a connection brings to the handshake.
package struct ConnectionOffer: Equatable, Sendable {
    /// Who is speaking.
    package var identity: NodeIdentity
    /// The lowest protocol version that the node still speaks.
    package var lowestVersion: UInt32
    /// The highest one.
    package var highestVersion: UInt32
    /// Features without which the node does not want to speak.
    package var requiredFeatures: FeatureSet
    /// Features that it can use.
    package var optionalFeatures: FeatureSet

    /// What this program offers, unless told otherwise: version 1 and no features.
    package init(
        identity: NodeIdentity, lowestVersion: UInt32 = 1, highestVersion: UInt32 = 1,
        requiredFeatures: FeatureSet = [],
        optionalFeatures: FeatureSet = []
    ) {
        self.identity = identity
        self.lowestVersion = lowestVersion
        self.highestVersion = highestVersion
        self.requiredFeatures = requiredFeatures
        self.optionalFeatures = optionalFeatures
    }

    var features: FeatureSet { requiredFeatures.union(optionalFeatures) }
}

/// What is known of the other side once both have agreed.
package struct Peer: Equatable, Sendable {
    /// Who it says it is.
    package var identity: NodeIdentity
    /// The version that both speak.
    package var version: UInt32
    /// The features that both use.
    package var features: FeatureSet
    /// Streams that it lets us have open at once.
    package var streamsMax: Int
    /// Bytes of requests that it lets us have unanswered at once.
    package var requestBytesMax: Int
}

/// The client's first frame.
struct Hello: Equatable {
    var lowestVersion: UInt32 = 0
    var highestVersion: UInt32 = 0
    var requiredFeatures = FeatureSet()
    var optionalFeatures = FeatureSet()
    var identity = NodeIdentity(cluster: "", node: "")
    var streamsMax = 0
    var requestBytesMax = 0
}

/// The server's answer.
struct Welcome: Equatable {
    var version: UInt32 = 0
    var features = FeatureSet()
    var identity = NodeIdentity(cluster: "", node: "")
    var streamsMax = 0
    var requestBytesMax = 0
}

/// The notice that no new streams are taken.
struct GoAway: Equatable {
    var error: TypedError
    /// The highest stream of the receiver's that was taken.
    var lastStream: UInt32
}

extension ConnectionOffer {
    func hello(limits: ConnectionLimits) -> Hello {
        Hello(
            lowestVersion: lowestVersion, highestVersion: highestVersion, requiredFeatures: requiredFeatures,
            optionalFeatures: optionalFeatures, identity: identity, streamsMax: limits.streamsMax,
            requestBytesMax: limits.requestBytesMax)
    }

    /// The server's decision: the highest version and all features that both know.
    ///
    /// - Throws: `TypedError.versionMismatch` without a common version or with a required feature that one lacks; `badRequest` for
    ///   a node of another cluster; `unavailable` where one of the two does not know yet which cluster it is part of.
    func accept(_ hello: Hello) throws(TypedError) -> Peer {
        try expectCluster(of: hello.identity)
        let version = min(highestVersion, hello.highestVersion)
        guard version >= max(lowestVersion, hello.lowestVersion) else {
            throw TypedError(
                .versionMismatch,
                "versions \(lowestVersion) to \(highestVersion) here, \(hello.lowestVersion) to \(hello.highestVersion) there"
            )
        }
        let theirs = hello.requiredFeatures.union(hello.optionalFeatures)
        let missing = hello.requiredFeatures.subtracting(features).union(requiredFeatures.subtracting(theirs))
        guard missing.isEmpty else {
            throw TypedError(.versionMismatch, "required feature bits not shared: \(missing.rawValue)")
        }
        return Peer(
            identity: hello.identity, version: version, features: features.intersection(theirs),
            streamsMax: hello.streamsMax, requestBytesMax: hello.requestBytesMax)
    }

    /// The client's check of that decision.
    ///
    /// - Throws: as `accept`.
    func confirm(_ welcome: Welcome) throws(TypedError) -> Peer {
        try expectCluster(of: welcome.identity)
        guard lowestVersion <= welcome.version, welcome.version <= highestVersion else {
            throw TypedError(
                .versionMismatch, "version \(welcome.version) chosen, \(lowestVersion) to \(highestVersion) offered")
        }
        let strange = welcome.features.subtracting(features).union(requiredFeatures.subtracting(welcome.features))
        guard strange.isEmpty else {
            throw TypedError(.versionMismatch, "feature bits not agreed: \(strange.rawValue)")
        }
        return Peer(
            identity: welcome.identity, version: welcome.version, features: welcome.features,
            streamsMax: welcome.streamsMax, requestBytesMax: welcome.requestBytesMax)
    }

    private func expectCluster(of other: NodeIdentity) throws(TypedError) {
        guard other.cluster == identity.cluster else {
            throw TypedError(
                .badRequest,
                "node \(other.node) is of cluster \"\(other.cluster)\", this one of \"\(identity.cluster)\"")
        }
        if other.clusterID == identity.clusterID { return }
        guard !other.clusterID.isEmpty, !identity.clusterID.isEmpty else {
            throw TypedError(.unavailable, "one of the two nodes is not part of its cluster yet")
        }
        throw TypedError(
            .badRequest,
            "node \(other.node) is of another cluster of the same name: \(other.clusterID), this one of \(identity.clusterID)"
        )
    }
}

// The wire forms: protobuf messages of the same names in control.proto.

extension Hello {
    func encode(into bytes: inout [UInt8]) {
        bytes.field(1, UInt64(lowestVersion))
        bytes.field(2, UInt64(highestVersion))
        bytes.field(3, requiredFeatures.rawValue)
        bytes.field(4, optionalFeatures.rawValue)
        bytes.field(5, identity.cluster.cut(toBytes: WireLimits.nameBytesMax))
        bytes.field(6, identity.node.cut(toBytes: WireLimits.nameBytesMax))
        bytes.field(7, UInt64(streamsMax))
        bytes.field(8, UInt64(requestBytesMax))
        bytes.field(9, identity.clusterID.cut(toBytes: WireLimits.nameBytesMax))
    }

    init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "Hello")
        self.init()
        while let field = try reader.next() {
            switch field {
            case (1, .varint): lowestVersion = UInt32(clamping: try reader.varint())
            case (2, .varint): highestVersion = UInt32(clamping: try reader.varint())
            case (3, .varint): requiredFeatures = FeatureSet(rawValue: try reader.varint())
            case (4, .varint): optionalFeatures = FeatureSet(rawValue: try reader.varint())
            case (5, .bytes): identity.cluster = try reader.name()
            case (6, .bytes): identity.node = try reader.name()
            case (7, .varint): streamsMax = Int(clamping: try reader.varint())
            case (8, .varint): requestBytesMax = Int(clamping: try reader.varint())
            case (9, .bytes): identity.clusterID = try reader.name()
            default: try reader.skip(field)
            }
        }
    }
}

extension Welcome {
    func encode(into bytes: inout [UInt8]) {
        bytes.field(1, UInt64(version))
        bytes.field(2, features.rawValue)
        bytes.field(3, identity.cluster.cut(toBytes: WireLimits.nameBytesMax))
        bytes.field(4, identity.node.cut(toBytes: WireLimits.nameBytesMax))
        bytes.field(5, UInt64(streamsMax))
        bytes.field(6, UInt64(requestBytesMax))
        bytes.field(7, identity.clusterID.cut(toBytes: WireLimits.nameBytesMax))
    }

    init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "Welcome")
        self.init()
        while let field = try reader.next() {
            switch field {
            case (1, .varint): version = UInt32(clamping: try reader.varint())
            case (2, .varint): features = FeatureSet(rawValue: try reader.varint())
            case (3, .bytes): identity.cluster = try reader.name()
            case (4, .bytes): identity.node = try reader.name()
            case (5, .varint): streamsMax = Int(clamping: try reader.varint())
            case (6, .varint): requestBytesMax = Int(clamping: try reader.varint())
            case (7, .bytes): identity.clusterID = try reader.name()
            default: try reader.skip(field)
            }
        }
    }
}

extension GoAway {
    func encode(into bytes: inout [UInt8]) {
        ProtobufWriter.message(1, into: &bytes) { error.encode(into: &$0) }
        bytes.field(2, UInt64(lastStream))
    }

    init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "GoAway")
        self.init(error: TypedError(.internal, ""), lastStream: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): error = try TypedError(decoding: try reader.span())
            case (2, .varint): lastStream = UInt32(clamping: try reader.varint())
            default: try reader.skip(field)
            }
        }
    }
}

extension ControlReader {
    @_lifetime(self: copy self)
    fileprivate mutating func name() throws(WireError) -> String {
        let name = try string()
        guard name.utf8.count <= WireLimits.nameBytesMax else {
            throw limitExceeded("name", found: name.utf8.count, expected: WireLimits.nameBytesMax)
        }
        return name
    }
}
