/// What is at work, and whether more may come: the server's guard against overload. A value without locks.
struct Admission: Sendable {
    /// Most requests at a time.
    let requestsMax: Int
    /// Most bytes of pushed bodies at a time, as received and unpacked together.
    let bytesMax: Int
    private(set) var requests = 0
    private(set) var bytes = 0

    init(requestsMax: Int, bytesMax: Int) {
        self.requestsMax = requestsMax
        self.bytesMax = bytesMax
    }

    /// Lets a request in, or says which limit keeps it out.
    ///
    /// `size` is the bytes that its body may take, 0 for requests without one. A single body always fits.
    mutating func enter(bytes size: Int) -> APIFailure? {
        if requests >= requestsMax {
            return APIFailure(
                .unavailable, "the server is at work on \(requestsMax) requests (http_requests_max)",
                retryAfterSeconds: 1)
        }
        if bytes > 0 && bytes + size > bytesMax { return isFull(bytes) }
        requests += 1
        bytes += size
        return nil
    }

    /// Has a request that is in hold `size` bytes instead of `held`, or says which limit that would pass.
    ///
    /// A single body always fits here too. A refused request holds what it held, and leaves with that.
    mutating func resize(from held: Int, to size: Int) -> APIFailure? {
        let others = bytes - held
        if size > held && others > 0 && others + size > bytesMax { return isFull(others) }
        bytes = others + size
        return nil
    }

    private func isFull(_ held: Int) -> APIFailure {
        APIFailure(
            .unavailable, "the server holds \(held) bytes of pushes (ingest_in_flight_bytes_max is \(bytesMax))",
            retryAfterSeconds: 1)
    }

    /// A request that was let in is done.
    mutating func leave(bytes size: Int) {
        requests -= 1
        bytes -= size
    }
}
