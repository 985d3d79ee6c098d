import Membership

/// Why a process cannot take part in its cluster: what is wrong, and what to do about it.
package struct ClusterError: Error, CustomStringConvertible {
    /// The kinds of fault.
    package enum Code: Hashable, Sendable {
        /// A name, zone or address that cannot be one.
        case badIdentity
        /// The keyring file cannot be read or used.
        case badKeyring
        /// The peers file cannot be used.
        case badPeers
        /// The data directory belongs to another name or cluster.
        case otherDirectory
        /// The cluster has other settings than this process was given.
        case settingsDiffer
        /// Seeds do not take this process' messages.
        case declined
        /// The cluster does not take this process.
        case refused
        /// Two aggregators where one of them keeps all data by itself.
        case keepsAlone
        /// A member that is not known, or that answers.
        case notForgettable
    }

    /// The kind of fault.
    package var code: Code
    /// What is wrong.
    package var description: String
    /// What to do about it.
    package var hint: String

    package init(_ code: Code, _ description: String, hint: String) {
        self.code = code
        self.description = description
        self.hint = hint
    }

    /// Why the membership fell silent.
    init(_ reason: ExpulsionReason) {
        let hint =
            switch reason {
            case .nameTaken: "give each process a name of its own with --name, or stop the other one"
            case .keepsSlots(let record):
                "choose another --name; if that aggregator is gone for good: murmur ctl forget \(record.name)"
            case .removed: "start it again: it comes back as a new member, and gets its slots from the others"
            case .outlived:
                "start it again: it counts as one that lost samples, and is filled up. Where the other copy runs too, stop "
                    + "one of them and give it an empty --data-dir"
            case .superseded: "give each process a name of its own with --name"
            case .otherCluster(let name):
                "join it with --cluster-name \(name), or name members of the right cluster with --join"
            case .full: "remove members that are gone with murmur ctl forget NAME"
            }
        self.init(.refused, "the cluster does not take this process: \(reason)", hint: hint)
    }
}
