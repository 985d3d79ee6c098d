internal import ByteCoding

/// One label: a name and a value, both UTF-8. The metric's name is the label `__name__`.
package struct Label: Hashable, Sendable, Comparable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// By name, then by value, in the order of their UTF-8 bytes.
    package static func < (left: Label, right: Label) -> Bool {
        left.name.hasSameBytes(as: right.name)
            ? left.value.utf8.lexicographicallyPrecedes(right.value.utf8)
            : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }
}

/// A label set in canonical form: sorted by the bytes of the names, names unique, no empty values.
///
/// Stored as the bytes that hash, compare, travel and rest on disk: for each label a varint length and the name, a varint length and
/// the value. Equality is equality of bytes.
package struct Labels: Hashable, Sendable {
    /// The canonical bytes.
    package let bytes: [UInt8]

    /// The empty label set.
    package static let empty = Labels(canonicalBytes: [])

    /// The name of the label that holds the metric's name.
    package static let metricName = "__name__"

    /// Takes bytes that are known to be canonical: whole labels taken in order from another canonical set.
    ///
    /// Nothing is checked; bytes from outside go through `init(validating:)`.
    package init(canonicalBytes bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Builds the canonical form: sorts, and drops labels with an empty value, which PromQL takes for absent.
    ///
    /// - Throws: `ModelError.duplicateLabel` when a name occurs twice.
    package init(_ labels: [Label]) throws(ModelError) {
        var kept = labels.filter { !$0.value.isEmpty }
        kept.sort()
        for index in kept.indices.dropFirst() where kept[index - 1].name.hasSameBytes(as: kept[index].name) {
            throw .duplicateLabel(name: kept[index].name)
        }
        self.init(sortedUnique: kept)
    }

    /// Builds from labels that the caller knows to be sorted by name, unique, and without empty values.
    package init(sortedUnique labels: [Label]) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(labels.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 })
        for label in labels {
            bytes.append(prefixed: label.name)
            bytes.append(prefixed: label.value)
        }
        self.bytes = bytes
    }

    /// Takes bytes from outside after checking that they are canonical.
    ///
    /// - Throws: `ModelError.notCanonical` with the reason.
    package init(validating bytes: [UInt8]) throws(ModelError) {
        let all = bytes.rawSpan
        var previous = 0..<0
        var isFirst = true
        var reader = ByteReader(all)
        while !reader.isAtEnd {
            let name: RawSpan
            let value: RawSpan
            let place: Range<Int>
            do throws(ByteError) {
                name = try reader.readSpan(count: reader.readCount())
                place = reader.offset - name.byteCount..<reader.offset
                value = try reader.readSpan(count: reader.readCount())
            } catch {
                throw .notCanonical(error.description)
            }
            // Strings are made of what is not ASCII alone, to know that it is UTF-8.
            guard name.isASCII || name.string() != nil, value.isASCII || value.string() != nil else {
                throw .notCanonical("a label at \(place.lowerBound) is not UTF-8")
            }
            if !isFirst && !all.extracting(previous).precedes(name) {
                let last = all.extracting(previous).string() ?? ""
                throw .notCanonical("label \(name.string() ?? "") follows \(last)")
            }
            if value.isEmpty { throw .notCanonical("label \(name.string() ?? "") is empty") }
            previous = place
            isFirst = false
        }
        self.bytes = bytes
    }

    /// The value of the label called `name`, or nil.
    ///
    /// - Complexity: O(bytes); nothing but the result is allocated.
    package subscript(name: String) -> String? {
        name.withRawSpan { value(ofUTF8: $0) }
    }

    private func value(ofUTF8 wanted: RawSpan) -> String? {
        let all = bytes.rawSpan
        var at = 0
        while at < all.byteCount {
            let name = Labels.field(all, &at)
            let value = Labels.field(all, &at)
            if all.extracting(name).isEqual(to: wanted) { return all.extracting(value).string() }
        }
        return nil
    }

    /// The metric's name, or nil.
    package var metricName: String? { self[Labels.metricName] }

    /// Calls `body` with each label's name and value, as spans of the canonical bytes, in order.
    @inlinable
    package func forEach(_ body: (_ name: RawSpan, _ value: RawSpan) -> Void) {
        let all = bytes.rawSpan
        var at = 0
        while at < all.byteCount {
            let name = Labels.field(all, &at)
            let value = Labels.field(all, &at)
            body(all.extracting(name), all.extracting(value))
        }
    }

    /// The labels as strings, in canonical order.
    package var labels: [Label] {
        var result: [Label] = []
        forEach { name, value in
            if let name = name.string(), let value = value.string() { result.append(Label(name, value)) }
        }
        return result
    }

    /// Number of labels.
    package var count: Int {
        var count = 0
        forEach { _, _ in count += 1 }
        return count
    }

    package var isEmpty: Bool { bytes.isEmpty }

    /// The labels whose names are in `names`.
    package func keeping(_ names: Set<String>) -> Labels {
        Labels(sortedUnique: labels.filter { names.contains($0.name) })
    }

    /// The labels whose names are not in `names`.
    package func dropping(_ names: Set<String>) -> Labels {
        Labels(sortedUnique: labels.filter { !names.contains($0.name) })
    }

    /// The same set with `name` set to `value`; an empty value removes the label.
    package func setting(_ name: String, to value: String) -> Labels {
        var list = labels.filter { !$0.name.hasSameBytes(as: name) }
        if !value.isEmpty { list.append(Label(name, value)) }
        list.sort()
        return Labels(sortedUnique: list)
    }

    /// Where the field lies whose length stands at `at`, which is moved behind it.
    @inlinable
    static func field(_ all: RawSpan, _ at: inout Int) -> Range<Int> {
        // What is no well-formed varint or reaches too far traps: canonical bytes hold neither.
        var length = Int(all.byte(at: at))
        at &+= 1
        if length >= 0x80 {
            length &= 0x7F
            var shift = 7
            var byte: UInt8
            repeat {
                byte = all.byte(at: at)
                length |= Int(byte & 0x7F) << shift
                at &+= 1
                shift &+= 7
            } while byte >= 0x80
        }
        defer { at &+= length }
        return at..<at &+ length
    }

    package static func == (left: Labels, right: Labels) -> Bool {
        let bytes = right.bytes.rawSpan
        return left.bytes.rawSpan.isEqual(to: bytes)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(span: bytes.rawSpan)
        hasher.combine(0xFF as UInt8)
    }
}

extension Labels: CustomStringConvertible {
    /// As PromQL writes it: `name{a="b"}`.
    package var description: String {
        let all = labels
        let name = all.first { $0.name == Labels.metricName }?.value ?? ""
        let rest = all.filter { $0.name != Labels.metricName }
        if rest.isEmpty && !name.isEmpty { return name }
        return name + "{" + rest.map { "\($0.name)=\(Labels.quoted($0.value))" }.joined(separator: ", ") + "}"
    }

    private static func quoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
