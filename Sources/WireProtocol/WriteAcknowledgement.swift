import ByteCoding
package import MetricModel

/// The answer to a `WriteBatch`: everything that is not named here is logged as the durability setting promises.
///
/// Wire form: u64 generation; u32 references, unknown references, rejections; references u32 each; rows of unknown references u32
/// each; rejected rows u32 each; reasons u8 each.
package struct WriteAcknowledgement: Equatable, Sendable {
    /// The engine's generation, to which the references belong.
    package var generation: UInt64
    /// The reference of each of the batch's definitions, in their order; `noReference` where the engine refused the series.
    package var references: [UInt32]
    /// Rows that were refused for what they are, each with its reason.
    package var rejections: [SampleRejection]
    /// Rows whose reference this generation does not know: define the series and send those rows again.
    package var unknownReferences: [UInt32]

    /// Stands for the reference of a definition that the engine did not take.
    package static let noReference = UInt32.max

    /// An acknowledgement of engine `generation`.
    package init(
        generation: UInt64, references: [UInt32] = [], rejections: [SampleRejection] = [],
        unknownReferences: [UInt32] = []
    ) {
        self.generation = generation
        self.references = references
        self.rejections = rejections
        self.unknownReferences = unknownReferences
    }
}

extension WriteAcknowledgement {
    /// Appends the wire form: at most 9 bytes a row and 4 a definition.
    package func encode(into bytes: inout [UInt8]) {
        bytes.append(littleEndian: generation)
        bytes.append(littleEndian: UInt32(references.count))
        bytes.append(littleEndian: UInt32(unknownReferences.count))
        bytes.append(littleEndian: UInt32(rejections.count))
        bytes.append(column: references)
        bytes.append(column: unknownReferences)
        bytes.append(column: rejections.map { UInt32($0.row) })
        for rejection in rejections { bytes.append(rejection.reason.rawValue) }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = WireReader(bytes, message: "WriteAcknowledgement")
        generation = try reader.uint64()
        let referenceCount = try reader.count("references", unit: 4, limit: WireLimits.batchDefinitionsMax)
        let unknownCount = try reader.count("unknownReferences", unit: 4, limit: WireLimits.batchRowsMax)
        let rejectionCount = try reader.count("rejections", unit: 5, limit: WireLimits.batchRowsMax)
        references = try reader.uint32Column(count: referenceCount)
        unknownReferences = try reader.uint32Column(count: unknownCount)
        let rows = try reader.uint32Column(count: rejectionCount)
        rejections = []
        rejections.reserveCapacity(rejectionCount)
        for row in rows {
            let number = try reader.uint8()
            guard let reason = SampleRejection.Reason(rawValue: number) else {
                throw reader.malformed("rejections.reason", found: UInt64(number))
            }
            rejections.append(SampleRejection(row: Int(row), reason: reason))
        }
        try reader.expectEnd()
    }
}
