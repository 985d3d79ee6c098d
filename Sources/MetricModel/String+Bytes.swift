extension String {
    /// Whether both are the same UTF-8 bytes.
    ///
    /// `==` also holds between canonically equivalent strings ("é" in one scalar or in two), which are different labels in
    /// Prometheus' data model and here.
    @inlinable
    package func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
