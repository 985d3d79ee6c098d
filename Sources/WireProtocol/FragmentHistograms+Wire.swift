import ByteCoding
import MetricModel

// The native histograms of a fragment's row; `FragmentPage` tells the form.

extension FragmentHistograms {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(prefixed: metric)
        bytes.append(varint: cells.count)
        for cell in cells {
            bytes.append(varint: cell.offset)
            bytes.append(varint: Int(cell.weight))
            bytes.append(prefixed: cell.histogram?.encoded ?? [])
        }
    }

    /// Reads the wire form of a row of so many steps, which has no more histograms.
    @_lifetime(reader: copy reader)
    init(from reader: inout WireReader, steps: Int) throws(WireError) {
        self.init(metric: try reader.string())
        let count = try reader.number("histograms", below: steps + 1)
        var next = 0
        for _ in 0..<count {
            let offset = try reader.number("offset", below: steps)
            guard offset >= next else {
                throw reader.malformed("offset", found: UInt64(offset), expected: UInt64(next))
            }
            let weight = try reader.number("weight", below: Int(UInt32.max) + 1)
            guard weight > 0 else { throw reader.malformed("weight", found: 0, expected: 1) }
            let span = try reader.prefixedSpan()
            var histogram: NativeHistogram?
            if span.byteCount > 0 {
                var inner = ByteReader(span)
                do throws(ByteError) {
                    histogram = try NativeHistogram(reading: &inner, .result)
                } catch { throw WireError(error, in: "FragmentPage.histogram") }
                guard inner.remaining == 0 else {
                    throw reader.malformed("histogram", found: UInt64(inner.remaining), expected: 0)
                }
            }
            cells.append(Cell(offset: offset, histogram: histogram, weight: UInt32(weight)))
            next = offset + 1
        }
    }

    /// Bytes of each cell on the wire, at most, by its offset.
    var encodedSizes: [Int: Int] {
        var sizes: [Int: Int] = [:]
        for cell in cells { sizes[cell.offset] = 30 + (cell.histogram?.encoded.count ?? 0) }
        return sizes
    }
}
