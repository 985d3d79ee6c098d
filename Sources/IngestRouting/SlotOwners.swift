/// Which aggregator a slot's samples go to: what the ring says, as a table that the hot loop can read.
package struct SlotOwners: Sendable, Equatable {
    private let table: [UInt16]
    private let single: UInt16

    /// A ring of one.
    package init(all aggregator: Int) {
        table = []
        single = UInt16(aggregator)
    }

    /// - Parameter table: for each slot the aggregator's index; its length is 2 to the power of the cluster's slot bits.
    package init(table: [UInt16]) {
        precondition(!table.isEmpty, "a ring without slots")
        single = table[0]
        self.table = table.allSatisfy { $0 == table[0] } ? [] : table
    }

    /// The aggregator that all slots belong to, nil when there are several.
    @inline(__always)
    var onlyOne: Int? { table.isEmpty ? Int(single) : nil }

    /// The aggregator of `slot`.
    @inline(__always)
    func owner(of slot: UInt16) -> Int {
        table.isEmpty ? Int(single) : Int(table[Int(slot)])
    }
}
