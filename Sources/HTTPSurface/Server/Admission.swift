/// What is at work, and whether more may come: the server's guard against overload. A value without locks.
struct Admission: Sendable {
    /// Most requests at a time.
    let requestsMax: Int
    /// Most bytes of pushed bodies at a time.
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
        if bytes > 0 && bytes + size > bytesMax {
            return APIFailure(
                .unavailable, "the server holds \(bytes) bytes of pushes (ingest_in_flight_bytes_max is \(bytesMax))",
                retryAfterSeconds: 1)
        }
        requests += 1
        bytes += size
        return nil
    }

    /// A request that was let in is done.
    mutating func leave(bytes size: Int) {
        requests -= 1
        bytes -= size
    }
}
