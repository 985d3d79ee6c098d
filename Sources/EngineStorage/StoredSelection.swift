internal import ByteCoding
package import MetricModel
internal import SeriesEngine

/// A selection of one moment, to be read series by series on any thread.
package struct StoredSelection: Sendable {
    let selection: SeriesSelection
    let slots: SlotSet
    let snapshot: StoreSnapshot
    let cache: BlockCache
    let slotBits: Int
    /// The block files' part, found across files; nil to go slot by slot.
    let sealed: SealedMatches?
    /// Where only the newest samples at some times are wanted; others come along.
    let times: SampleTimes?
    /// What of it is not shown.
    let mask: SelectionMask

    /// A reader at the first series.
    package var cursor: StoreCursor { StoreCursor(self) }
}

extension EngineHost {
    /// A selection of fewer slots than this does not open whole files for their sake.
    private static let slotsThatOpenFiles = 64

    /// Takes references to all that selections name, to be read later.
    ///
    /// - Parameters:
    ///   - selections: tenant, matchers and time range of each.
    ///   - times: of each selection, for an instant selector, the times at which it looks for the newest sample: what no such time wants may
    ///     be left out. Empty where all samples of all are wanted.
    ///   - deletions: what is left out besides what the host knows of.
    ///   - asked: only their series are read.
    ///   - onlyWhole: whether of these slots those are left out that the node may not be read alone for.
    ///   - seriesMax: series that each may read.
    /// - Returns: what was there at one moment: one for each selection, and what an answer must say.
    /// - Throws: `EngineError`: `.limitExceeded` naming the limit, `.blockUnreadable`; `CancellationError` when the task is cancelled.
    @concurrent
    package func selected(
        _ selections: [SeriesSelection], times: [SampleTimes?] = [], without deletions: [Deletion] = [],
        slots asked: SlotSet, onlyWhole: Bool, seriesMax: Int
    ) async throws -> (selections: [StoredSelection], standing: StoreStanding) {
        let moment = try await moment(selections, of: .slots(asked, onlyWhole: onlyWhole), seriesMax: seriesMax)
        let slots = moment.slots ?? asked
        var stored: [StoredSelection] = []
        for (index, (selection, snapshot)) in zip(selections, moment.snapshots).enumerated() {
            let view = sealed.view(
                snapshot.blocks, slots: slots, opening: slots.count >= Self.slotsThatOpenFiles)
            try Task.checkCancellation()
            let mask = mask(of: selection, and: deletions)
            // The newest sample at a time may be one that is not shown: then another one is.
            let times = mask.isEmpty && index < times.count ? times[index] : nil
            stored.append(
                StoredSelection(
                    selection: selection, slots: slots, snapshot: snapshot, cache: cache,
                    slotBits: configuration.engine.slotBits,
                    sealed: view.map { SealedMatches(selection, in: $0, beside: snapshot.head) }, times: times,
                    mask: mask))
        }
        return (stored, moment.standing)
    }
}

/// Reads the series of a selection one after the other.
package struct StoreCursor {
    private let mask: SelectionMask
    /// One of the two reads.
    private var acrossFiles: SealedReader?
    private var bySlot: SelectionReader?
    /// Of the slot at hand, what is not read yet.
    private var pending: ArraySlice<SeriesParts> = []
    /// By which labels the series so far were placed.
    package private(set) var placements: PlacementKinds = []

    fileprivate init(_ stored: StoredSelection) {
        mask = stored.mask
        if let sealed = stored.sealed {
            acrossFiles = SealedReader(stored, sealed)
        } else {
            bySlot = SelectionReader(
                selection: stored.selection, snapshot: stored.snapshot, slots: stored.slots, cache: stored.cache,
                slotBits: stored.slotBits)
        }
    }

    /// The next series that has samples; nil after the last. Let go of the one before first: its memory is used again.
    ///
    /// - Throws: `EngineError.blockUnreadable`.
    package mutating func next() throws(EngineError) -> SeriesColumns? {
        while let found = try acrossFiles?.next() {
            let columns = mask.apply(to: found.columns)
            if columns.isEmpty { continue }
            placements.insert(PlacementKinds(labelIndex: found.placement.labelIndex))
            return columns
        }
        while true {
            while let parts = pending.popFirst() {
                guard let columns = try bySlot?.columns(of: parts) else { continue }
                let shown = mask.apply(to: columns)
                if shown.isEmpty { continue }
                placements.insert(PlacementKinds(labelIndex: parts.labelIndex))
                return shown
            }
            guard let slot = bySlot?.nextSlot() else { return nil }
            pending = try bySlot?.series(of: slot)[...] ?? []
        }
    }
}

/// The series in open block files that pass a selection's matchers.
struct SealedMatches: Sendable {
    let view: SealedView
    /// Their numbers, ascending; the files need not have all of them.
    let numbers: [UInt32]
    /// The numbers of the series of the head, as far as they have one; in the head's order.
    let headNumbers: [UInt32?]

    init(_ selection: SeriesSelection, in view: SealedView, beside head: HeadSelection) {
        self.view = view
        numbers = view.table.matching(tenant: selection.tenant, selection.matchers)
        headNumbers = head.series.map { view.table.number($0.fingerprint) }
    }
}

/// Puts series together from open block files and the head: those of the files by number, then those that only the head has.
struct SealedReader {
    private let selection: SeriesSelection
    private let times: SampleTimes?
    private let slots: SlotSet
    private let slotBits: Int
    private let head: HeadSelection
    private let view: SealedView
    private let numbers: [UInt32]
    /// Of each open file, whether it is read.
    private var wanted: [Bool]
    /// The head's series that have a number, by it.
    private var numberedHead: ArraySlice<(number: UInt32, index: Int)>
    private var otherHead: ArraySlice<Int>
    private var position = 0
    private var run = SampleRun()

    init(_ stored: StoredSelection, _ matches: SealedMatches) {
        selection = stored.selection
        times = stored.times
        slots = stored.slots
        slotBits = stored.slotBits
        head = stored.snapshot.head
        view = matches.view
        numbers = matches.numbers
        wanted = matches.view.wanted
        var numbered: [(number: UInt32, index: Int)] = []
        var other: [Int] = []
        for (index, number) in matches.headNumbers.enumerated() {
            if let number { numbered.append((number, index)) } else { other.append(index) }
        }
        numberedHead = numbered.sorted { $0.number < $1.number }[...]
        otherHead = other[...]
    }

    /// The next series in the slots wanted that has samples.
    mutating func next() throws(EngineError) -> (columns: SeriesColumns, placement: PlacementKey)? {
        while position < numbers.count {
            let number = numbers[position]
            position += 1
            fetchAhead()
            // The head's series pass the same matchers, so each number of theirs comes by here.
            var inHead: Int?
            while let first = numberedHead.first, first.number <= number {
                if first.number == number { inHead = first.index }
                numberedHead.removeFirst()
            }
            let placement = view.table.placements[Int(number)]
            let slot = placement.slot(bits: slotBits)
            guard slots.contains(slot) else { continue }
            if !view.hidden.isEmpty { wanted = view.hidden[slot] ?? view.wanted }
            if try read(number, inHead) { return (run.columns(view.table.labels[Int(number)]), placement) }
        }
        while let index = otherHead.popFirst() {
            let placement = head.series[index].placement
            guard slots.contains(placement.slot(bits: slotBits)) else { continue }
            if try read(nil, index) { return (run.columns(head.labels(of: head.series[index])), placement) }
        }
        return nil
    }

    /// Asks for what the series after the next will need: they are far from each other in memory.
    private func fetchAhead() {
        let (near, far) = (position + 2, position + 6)
        if far < numbers.count {
            view.chunks.prefetch(numbers[far], hasPlaces: false)
            Prefetch.object(of: view.table.labels, at: Int(numbers[far]))
        }
        if near < numbers.count { view.chunks.prefetch(numbers[near], hasPlaces: true) }
    }

    /// Fills the run; whether there is anything in it.
    private mutating func read(_ number: UInt32?, _ inHead: Int?) throws(EngineError) -> Bool {
        run.removeAll()
        var start = selection.start
        if let inHead, let times, let newest = head.newest(at: inHead, by: times.first) { start = max(start, newest) }
        do throws(BlockError) {
            if let number {
                try view.chunks.append(
                    number, of: wanted, to: &run, start: start, end: selection.end, times: times)
            }
            if let inHead {
                try head.merge(at: inHead, into: &run, start: start, end: selection.end)
            } else {
                run.trim(start: start, end: selection.end)
            }
        } catch {
            throw EngineError(.blockUnreadable, "a series of \(selection.matchers): \(error)")
        }
        return !run.isEmpty
    }
}
