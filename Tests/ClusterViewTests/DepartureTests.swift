import ClusterView
import Testing

/// A node that leaves and a request that it stay: one of them wins, and both know which.
@Suite struct DepartureTests {
    @Test func `A node that is found empty cannot be kept, neither meanwhile nor after`() async {
        let departure = Departure()
        let leaves = await departure.leave {
            let answer = await departure.stay { Issue.record("kept while it was found empty") }
            #expect(answer == .undecided)
            return true
        }
        #expect(leaves)
        #expect(await departure.stay { Issue.record("kept after it left") } == .hasLeft)
    }

    @Test func `A node that is kept does not leave meanwhile`() async {
        let departure = Departure()
        let answer = await departure.stay {
            let leaves = await departure.leave { true }
            #expect(!leaves)
        }
        #expect(answer == .stays)
    }

    @Test func `A node that was not empty, or could not tell, can be kept and can leave later`() async throws {
        struct Unknown: Error {}
        let departure = Departure()
        #expect(await departure.leave { false } == false)
        await #expect(throws: Unknown.self) { try await departure.leave { throw Unknown() } }
        await #expect(throws: Unknown.self) { try await departure.stay { throw Unknown() } }
        #expect(await departure.stay {} == .stays)
        #expect(await departure.leave { true })
    }
}
