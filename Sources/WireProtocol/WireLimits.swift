/// The limits of the protocol itself: both sides know them, so a peer that exceeds one is at fault.
///
/// What an operator may set is in `ConnectionLimits`; these bound it from above.
package enum WireLimits {
    /// The longest payload of a request or an acknowledgement, in bytes.
    package static let requestPayloadBytesMax = 16 << 20
    /// The longest payload of a page of query results, in bytes: the unit of flow control.
    package static let pagePayloadBytesMax = 1 << 20
    /// The longest payload of every other frame, in bytes.
    package static let controlPayloadBytesMax = 64 << 10
    /// The most bytes of text in a `TypedError`.
    package static let errorMessageBytesMax = 4096
    /// The most rows in one `WriteBatch`.
    package static let batchRowsMax = 1 << 20
    /// The most series definitions in one `WriteBatch`.
    package static let batchDefinitionsMax = 1 << 18
    /// The most metadata entries in one `WriteBatch`.
    package static let batchMetadataMax = 1 << 16
    /// The most matchers in one selection, or matcher sets in one request.
    package static let matchersMax = 256
    /// The most ranges of times in one `ChangesPage`.
    package static let changedTimesMax = 256
    /// The most warnings in one `SelectEnd`; more are summed up in the last one.
    package static let warningsMax = 64
    /// The most warnings, and the most infos, of the query language in one `SelectEnd`.
    package static let notesMax = 16
    /// The most bytes of a query in a `FragmentRequest`.
    package static let queryBytesMax = 8 << 20
    /// The longest payload of a `SelectEnd`, in bytes: it may tell of every slot and name every member.
    package static let selectEndPayloadBytesMax = 1 << 20
    /// The most nodes that one message names.
    package static let nodeNamesMax = 10_000
    /// The most slots, and stakes in them, that the columns of one message may stand for.
    package static let expansionMax = 1 << 22
    /// The most `SlotStanding`s in one `SelectEnd`.
    package static let standingsMax = 1 << 14
    /// The most bytes of a cluster or node name.
    package static let nameBytesMax = 256
}
