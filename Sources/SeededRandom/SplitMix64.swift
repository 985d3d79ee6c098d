/// A generator whose whole future is its seed: small, quick, the same on every machine. Not for secrets.
///
/// Everything random in simulations, made-up load and tests comes from one of these, so a seed replays a run.
/// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
    @usableFromInline
    var state: UInt64

    /// - Parameter seed: any number; near ones give unrelated sequences.
    @inlinable
    package init(seed: UInt64) {
        state = seed
    }

    /// The next 64 bits.
    @inlinable
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
