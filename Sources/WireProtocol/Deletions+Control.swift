import ByteCoding
package import MetricModel

// The wire forms of deletions: protobuf messages of the same names in control.proto.

/// Gives a node deletions to keep, and asks for those that it has.
package struct DeletionsRequest: Equatable, Sendable {
    /// `DeletionSet.digest` of what the asker has, those of the request included.
    package var digest: UInt64
    /// To be kept, durably before the answer; none only asks.
    package var deletions: [Deletion]

    /// A question of somebody whose deletions have a digest.
    package init(digest: UInt64, deletions: [Deletion] = []) {
        self.digest = digest
        self.deletions = deletions
    }
}

/// What a node that was asked has: at least one page, with all deletions unless the digests are equal.
package struct DeletionsPage: Equatable, Sendable {
    /// `DeletionSet.digest` of all that the answerer has.
    package var digest: UInt64
    /// A part of them; none where the asker has the same.
    package var deletions: [Deletion]

    /// A page of an answer.
    package init(digest: UInt64, deletions: [Deletion] = []) {
        self.digest = digest
        self.deletions = deletions
    }
}

extension QueryPage {
    /// Cuts deletions into pages that fit in a frame; there is at least one, for the digest.
    package static func pages(of deletions: [Deletion], digest: UInt64) -> [QueryPage] {
        let perPage = SeriesPager.pageBytesDefault / (Deletion.bytesMax + 8)
        var rest = deletions[...]
        var pages: [QueryPage] = []
        repeat {
            pages.append(.deletions(DeletionsPage(digest: digest, deletions: Array(rest.prefix(perPage)))))
            rest = rest.dropFirst(perPage)
        } while !rest.isEmpty
        return pages
    }
}

extension DeletionsRequest {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) { encodeDeletions(digest, deletions, into: &bytes) }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        (digest, deletions) = try decodeDeletions(bytes, message: "DeletionsRequest")
    }
}

extension DeletionsPage {
    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) { encodeDeletions(digest, deletions, into: &bytes) }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        (digest, deletions) = try decodeDeletions(bytes, message: "DeletionsPage")
    }
}

/// The form that both share.
private func encodeDeletions(_ digest: UInt64, _ deletions: [Deletion], into bytes: inout [UInt8]) {
    bytes.field(1, digest)
    for deletion in deletions { ProtobufWriter.bytes(2, deletion.bytes, into: &bytes) }
}

private func decodeDeletions(_ bytes: RawSpan, message: String) throws(WireError) -> (UInt64, [Deletion]) {
    var reader = ControlReader(bytes, message: message)
    var digest: UInt64 = 0
    var deletions: [Deletion] = []
    while let field = try reader.next() {
        switch field {
        case (1, .varint): digest = try reader.varint()
        case (2, .bytes): try reader.deletion(into: &deletions)
        default: try reader.skip(field)
        }
    }
    return (digest, deletions)
}

extension ControlReader {
    /// One more deletion; at most `DeletionSet.unionMax` in all.
    @_lifetime(self: copy self)
    mutating func deletion(into deletions: inout [Deletion]) throws(WireError) {
        try expect("deletions", fewerThan: DeletionSet.unionMax, deletions.count)
        let bytes = try span().copied()
        do throws(ModelError) { deletions.append(try Deletion(validating: bytes)) } catch {
            throw malformed("deletions")
        }
    }
}
