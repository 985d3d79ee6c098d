import Logging
import NIOCore
import WireProtocol

/// The requests of one connection that a peer made to us: hands them to the request handler and its answers to the machine.
///
/// Lives on the connection's event loop.
final class ServerConnection: ConnectionDelegate {
    private let requestHandler: any ClusterRequestHandler
    private let eventLoop: any EventLoop
    private let logger: Logger
    /// The tasks that answer queries; each leaves when its stream is over.
    private var tasks: [StreamID: Task<Void, Never>] = [:]
    /// Producers whose page waits for credit or room: at most one a stream.
    private var waiting: [StreamID: CheckedContinuation<Void, any Error>] = [:]

    init(requestHandler: any ClusterRequestHandler, eventLoop: any EventLoop, logger: Logger) {
        self.requestHandler = requestHandler
        self.eventLoop = eventLoop
        self.logger = logger
    }

    func perform(_ effect: ConnectionEffect, on connection: ConnectionHandler) {
        switch effect {
        case .ready(let peer):
            logger.debug("node connected", metadata: ["node": "\(peer.identity.node)", "version": "\(peer.version)"])
        case .write(let stream, let batch):
            let respond = responder(stream, on: connection)
            requestHandler.write(batch) { respond($0.map(Completion.written)) }
        case .store(let stream, let call):
            let respond = responder(stream, on: connection)
            requestHandler.store(call) { respond($0.map(Completion.stored)) }
        case .movement(let stream, let packet):
            let respond = responder(stream, on: connection)
            requestHandler.movement(packet) { respond($0.map { Completion.received }) }
        case .query(let stream, let request): query(request, stream, on: connection)
        case .stopped(let stream, let error):
            tasks.removeValue(forKey: stream)?.cancel()
            waiting.removeValue(forKey: stream)?.resume(throwing: error)
        case .pageSent(let stream): waiting.removeValue(forKey: stream)?.resume()
        case .peerLeaving(let error): logger.debug("node leaves", metadata: ["reason": "\(error)"])
        case .close(let error):
            if let error { logger.debug("node disconnected", metadata: ["reason": "\(error)"]) }
        case .page, .finished:
            preconditionFailure("a server opens no streams in version 1")
        }
    }

    /// What ends a stream, from any thread.
    private func responder(
        _ stream: StreamID, on connection: ConnectionHandler
    ) -> @Sendable (Result<Completion, TypedError>) -> Void {
        let bound = NIOLoopBound(connection, eventLoop: eventLoop)
        return { result in
            bound.eventLoop.execute {
                let completion =
                    switch result {
                    case .success(let completion): completion
                    case .failure(let error): Completion.failed(error)
                    }
                bound.value.command { $0.finish(stream, with: completion, into: &$1) }
            }
        }
    }

    private func query(_ request: QueryRequest, _ stream: StreamID, on connection: ConnectionHandler) {
        let sink = StreamSink(
            stream: stream, connection: NIOLoopBound(connection, eventLoop: eventLoop),
            server: NIOLoopBound(self, eventLoop: eventLoop))
        let requestHandler = self.requestHandler
        tasks[stream] = Task {
            let completion: Completion
            do {
                completion = .ended(try await requestHandler.query(request, sink: sink))
            } catch let error as TypedError {
                completion = .failed(error)
            } catch is CancellationError {
                completion = .failed(TypedError(.cancelled, "cancelled"))
            } catch {
                completion = .failed(TypedError(.internal, "\(error)"))
            }
            sink.finish(completion)
        }
    }

    fileprivate func send(
        _ page: QueryPage, _ stream: StreamID, on connection: ConnectionHandler,
        _ continuation: CheckedContinuation<Void, any Error>
    ) {
        if waiting[stream] != nil {
            return continuation.resume(throwing: TypedError(.internal, "two pages sent at once"))
        }
        switch connection.command({ machine, _ in machine.send(page, on: stream) }) {
        case .sent: continuation.resume()
        case .waiting: waiting[stream] = continuation
        case .gone: continuation.resume(throwing: TypedError(.cancelled, "the stream is over"))
        case .notForPeer:
            continuation.resume(
                throwing: TypedError(
                    .versionMismatch, "the answer has native histograms, which the asker does not read"))
        case .tooLarge: continuation.resume(throwing: TypedError(.tooLarge, "the page does not fit in a frame"))
        }
    }

    fileprivate func finish(_ completion: Completion, _ stream: StreamID, on connection: ConnectionHandler) {
        tasks.removeValue(forKey: stream)
        connection.command { $0.finish(stream, with: completion, into: &$1) }
    }
}

/// Where one query's pages go: over to the event loop, one at a time.
private struct StreamSink: PageSink {
    let stream: StreamID
    let connection: NIOLoopBound<ConnectionHandler>
    let server: NIOLoopBound<ServerConnection>

    func send(_ page: QueryPage) async throws {
        // A stream that is over cancels the task, and the machine answers `gone`: no other check is needed.
        try await withCheckedThrowingContinuation { continuation in
            server.eventLoop.execute { server.value.send(page, stream, on: connection.value, continuation) }
        }
    }

    func finish(_ completion: Completion) {
        server.eventLoop.execute { server.value.finish(completion, stream, on: connection.value) }
    }
}
