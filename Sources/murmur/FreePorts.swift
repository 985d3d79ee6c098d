import HTTPSurface
import NIOCore
import NIOPosix
import Settings

/// The addresses that a process is about to listen on, tried before it makes or says anything.
///
/// Who takes one between the trial and the use is told of later, by the server that wanted it.
enum FreePorts {
    /// Binds all of them at once, so that two may not be the same either, and lets them go again.
    ///
    /// - Parameters:
    ///   - addresses: each with the flag that sets it.
    ///   - group: runs the trial.
    /// - Throws: `CommandFailure`, naming the address, the reason and the flag.
    static func check(
        _ addresses: [(flag: String, address: NetworkAddress)], group: any EventLoopGroup
    ) async throws {
        var trials: [any Channel] = []
        var refusal: CommandFailure?
        for (flag, address) in addresses where refusal == nil {
            do {
                // A trial accepts nobody: who connects meanwhile is cut off when it ends, and not left without an answer.
                let trial = ServerBootstrap(group: group).serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                    .serverChannelOption(.autoRead, value: false)
                trials.append(try await trial.bind(host: address.host, port: address.port).get())
            } catch {
                refusal = failure(flag, address, error)
            }
        }
        for trial in trials { try? await trial.close() }
        if let refusal { throw refusal }
    }

    /// That a server cannot listen where it was told to.
    static func failure(_ flag: String, _ address: NetworkAddress, _ error: any Error) -> CommandFailure {
        let reason =
            switch error {
            case let error as IOError: SystemReason.text(error)
            case SocketAddressError.unknown: "the host's name is not known"
            default: "\(error)"
            }
        return CommandFailure(message: "cannot listen on \(address): \(reason)", hint: hint(flag))
    }

    /// What to do about an address that cannot be had.
    static func hint(_ flag: String) -> String {
        "choose another address with --\(flag), or stop what uses this one"
    }
}
