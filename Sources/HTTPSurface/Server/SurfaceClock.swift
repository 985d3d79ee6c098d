import FoundationEssentials

/// The system's clock.
package enum SurfaceClock {
    /// Unix milliseconds now.
    package static func milliseconds() -> Int64 {
        Int64((Date().timeIntervalSince1970 * 1_000).rounded(.down))
    }
}
