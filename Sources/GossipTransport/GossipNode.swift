import ClusterTransport
package import Logging
package import Membership
package import NIOCore
import NIOPosix

/// What a `GossipNode` is made of.
package struct GossipNodeConfiguration: Sendable {
    /// This member's record; its address is set at the start.
    package var record: MemberRecord
    /// The cluster's name.
    package var cluster: String
    /// Where other members may be.
    package var seeds: [SeedName] = []
    /// How this member may found the cluster; nil for never.
    package var founding: Founding?
    /// The cluster's secrets.
    package var keyring: Keyring
    /// Periods and limits.
    package var membership = MembershipConfiguration()
    /// The data directory, for the peers file; nil keeps nothing.
    package var directory: String?

    package init(record: MemberRecord, cluster: String, keyring: Keyring) {
        self.record = record
        self.cluster = cluster
        self.keyring = keyring
    }
}

/// This process as a member of its cluster: the sockets, the clock and the peers file around a `Membership`.
///
/// Callable from anywhere; what it owns lives on one event loop (`GossipCore`). Exchanges arrive on the cluster port, whose server is
/// given `guest`.
package final class GossipNode: Sendable {
    private let core: GossipCore
    /// What changes in this member's view, in order. At most `noticesMax` wait; a reader that falls behind further loses the oldest and asks
    /// `members`.
    package let notices: AsyncStream<MembershipNotice>
    /// Answers exchanges on the cluster port.
    package let guest: ExchangeGuest

    /// `membership_notices_max`
    package static let noticesMax = 65_536

    /// A node that does nothing before `start`.
    ///
    /// - Parameters:
    ///   - configuration: what it is made of.
    ///   - cipher: seals the envelopes.
    ///   - group: one of its event loops carries everything.
    ///   - logger: is told what happens to members.
    /// - Throws: `DataFileError` when the peers file is there and cannot be used.
    package init(
        _ configuration: GossipNodeConfiguration, cipher: any GossipCipher = LibCryptoCipher(),
        group: any EventLoopGroup, logger: Logger
    ) throws {
        let kept = try configuration.directory.flatMap { try PeersFile.read(in: $0) }
        let (notices, continuation) = AsyncStream.makeStream(
            of: MembershipNotice.self, bufferingPolicy: .bufferingNewest(Self.noticesMax))
        let core = GossipCore(
            configuration, kept: kept, cipher: cipher, notices: continuation, eventLoop: group.any(), logger: logger)
        self.core = core
        self.notices = notices
        guest = ExchangeGuest { request in core.eventLoop.submit { try core.answer(request) } }
    }

    /// Binds the UDP socket and begins to take part.
    ///
    /// - Parameters:
    ///   - host: the address to bind.
    ///   - port: that of the cluster port's server.
    ///   - advertised: the address that others use; nil for the bound one.
    /// - Throws: the system's error when the address cannot be bound; `MembershipError` when nobody could use the address.
    package func start(host: String, port: Int, advertised: NodeAddress? = nil) async throws {
        let seeds = await HostLookup.look(up: core.configuration.seeds)
        let channel = try await core.bind(host: host, port: port).get()
        guard let bound = channel.localAddress, let address = advertised ?? NodeAddress(bound) else {
            throw MembershipError(.malformed, in: "address of the gossip socket")
        }
        try await core.eventLoop.submit { self.core.start(channel: channel, address: address, seeds: seeds) }.get()
    }

    /// Everybody that this member knows, itself included, in the order of their names.
    package func members() async throws -> [MemberView] {
        try await core.read { $0.members(now: GossipCore.now) }
    }

    /// Reads the state machine as it is now.
    ///
    /// - Parameter body: runs on the node's event loop.
    /// - Returns: what `body` returns.
    /// - Throws: NIO's error once the event loop is shut down.
    package func read<Value: Sendable>(_ body: @escaping @Sendable (borrowing Membership) -> Value) async throws
        -> Value
    {
        try await core.read(body)
    }

    /// Gives the state machine a command.
    ///
    /// - Parameter body: runs on the node's event loop with the time; what it appends is carried out.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws.
    @discardableResult
    package func command<Value: Sendable>(
        _ body: @escaping @Sendable (inout Membership, MembershipInstant, inout [MembershipEffect]) throws -> Value
    ) async throws -> Value {
        try await core.eventLoop.submit { try self.core.command(body) }.get()
    }

    /// Writes the peers file now, beside its writes after changes.
    ///
    /// - Throws: the system's error; the file is then as it was.
    package func persist() async throws {
        try await core.eventLoop.flatSubmit { self.core.persist() }.get()
    }

    /// Changes the secrets: keys are added, used and removed while the node runs.
    ///
    /// - Parameter keyring: takes effect with the next datagram.
    /// - Throws: NIO's error once the event loop is shut down.
    package func setKeyring(_ keyring: Keyring) async throws {
        try await core.eventLoop.submit { self.core.setKeyring(keyring) }.get()
    }

    /// The secrets that are accepted and used now.
    package func keyring() async throws -> Keyring {
        try await core.eventLoop.submit { self.core.keyring }.get()
    }

    /// What came of envelopes.
    package func envelopeCounts() async throws -> EnvelopeCounts {
        try await core.eventLoop.submit { self.core.envelopeCounts }.get()
    }

    /// Whose datagrams are refused, of several the last one; nil while there is nobody.
    package func stranger() async throws -> Stranger? {
        try await core.eventLoop.submit { self.core.strangers.last(at: GossipCore.now.microseconds) }.get()
    }

    /// Tells the others that this member stops for a while, keeps what it knows, and closes.
    package func stop() async {
        try? await command { $0.stop(now: $1, into: &$2) }
        await core.finished()
    }

    /// Leaves the cluster for good, and closes.
    package func leave() async {
        try? await command { $0.leave(now: $1, into: &$2) }
        await core.finished()
    }

    /// Closes without a word to anybody, as a crash would.
    package func abandon() async {
        try? await core.eventLoop.submit { self.core.close() }.get()
        await core.finished()
    }
}

/// What came of the envelopes that arrived.
package struct EnvelopeCounts: Hashable, Sendable {
    /// Taken out.
    package var accepted: UInt64 = 0
    /// Of another cluster.
    package var wrongCluster: UInt64 = 0
    /// Damaged, forged, with an unknown key or not sealed.
    package var refused: UInt64 = 0
    /// Received before, or too late to tell.
    package var replayed: UInt64 = 0
    /// Exchanges of this member's that others declined: they are of another cluster, or do not have its key.
    package var declined: UInt64 = 0

    package init() {}

    mutating func count(_ error: MembershipError) {
        switch error.code {
        case .wrongCluster: wrongCluster += 1
        case .replayed: replayed += 1
        case .truncated, .malformed, .limitExceeded, .trailingBytes, .unknownVersion, .damaged, .unsealed, .unknownKey,
            .unauthentic, .unknownMember, .notAllowed:
            refused += 1
        }
    }
}
