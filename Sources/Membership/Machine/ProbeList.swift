import SeededRandom

/// The members that are alive or suspected, in the order in which they are probed.
///
/// Round robin over a list that is shuffled after each pass, newcomers at a random place of what is left of it: each member is probed once in each
/// pass, so the time until a crash is noticed is bounded (SWIM, section 4.3), and members are not probed in lockstep.
struct ProbeList: Sendable {
    private(set) var members: [Int] = []
    private var cursor = 0

    mutating func insert(_ member: Int, random: inout SplitMix64) {
        members.insert(member, at: random.number(below: members.count - cursor + 1) + cursor)
    }

    mutating func remove(_ member: Int) {
        guard let index = members.firstIndex(of: member) else { return }
        members.remove(at: index)
        if index < cursor { cursor -= 1 }
    }

    /// The next member to probe; nil when there is none.
    mutating func next(random: inout SplitMix64) -> Int? {
        if members.isEmpty { return nil }
        if cursor >= members.count {
            cursor = 0
            for index in members.indices.dropLast() {
                members.swapAt(index, index + random.number(below: members.count - index))
            }
        }
        cursor += 1
        return members[cursor - 1]
    }

    /// Makes a listed member the next to be probed.
    mutating func putNext(_ member: Int) {
        guard let index = members.firstIndex(of: member) else { return }
        members.remove(at: index)
        if index < cursor { cursor -= 1 }
        members.insert(member, at: cursor)
    }

    /// Up to `count` different members that satisfy `fits`, each as likely.
    func sample(_ count: Int, random: inout SplitMix64, where fits: (Int) -> Bool) -> [Int] {
        var chosen: [Int] = []
        // Most of the time a few draws are enough; where few members fit, one pass over all of them in random order is.
        for _ in 0..<min(count * 4, members.count) where chosen.count < count {
            let member = members[random.number(below: members.count)]
            if !chosen.contains(member), fits(member) { chosen.append(member) }
        }
        if chosen.count == count || members.isEmpty { return chosen }
        let start = random.number(below: members.count)
        for offset in members.indices where chosen.count < count {
            let member = members[(start + offset) % members.count]
            if !chosen.contains(member), fits(member) { chosen.append(member) }
        }
        return chosen
    }
}

extension SplitMix64 {
    /// 0 ..< `bound`, which is at least 1, each as likely.
    mutating func number(below bound: Int) -> Int { Int(next(upperBound: UInt64(bound))) }

    /// 0 ..< `bound` microseconds.
    mutating func duration(below bound: Int64) -> Int64 { Int64(next(upperBound: UInt64(max(bound, 1)))) }
}
