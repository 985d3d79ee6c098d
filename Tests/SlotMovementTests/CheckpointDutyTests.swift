import SlotMovement
import Testing

@Suite struct CheckpointDutyTests {
    @Test("claim, load, write by write, each with the next number")
    func order() {
        var duty = CheckpointDuty(slotCount: 1)
        expect(duty.advance(0, isOnDuty: false, now: 0), nil)
        expect(duty.advance(0, isOnDuty: true, now: 0), .claim(slot: 0))
        expect(duty.advance(0, isOnDuty: true, now: 1), nil)
        expect(duty.claimed(0, epoch: 4, now: 1), .load(slot: 0, epoch: 4))
        duty.loaded(0, epoch: 4, now: 2)
        expect(duty.advance(0, isOnDuty: true, now: 2), .write(slot: 0, epoch: 4, number: 1))
        expect(duty.advance(0, isOnDuty: true, now: 3), nil)
        duty.written(0, epoch: 4, number: 1, now: 3)
        expect(duty.advance(0, isOnDuty: true, now: 4), nil)
        expect(duty.advance(0, isOnDuty: true, now: 3_000_003), .write(slot: 0, epoch: 4, number: 2))
    }

    @Test("an answer that does not come is followed by a new claim, never by the same write again")
    func silence() {
        var duty = CheckpointDuty(slotCount: 1)
        _ = duty.advance(0, isOnDuty: true, now: 0)
        _ = duty.claimed(0, epoch: 1, now: 0)
        duty.loaded(0, epoch: 1, now: 0)
        _ = duty.advance(0, isOnDuty: true, now: 0)
        expect(duty.advance(0, isOnDuty: true, now: 5_000_000), .claim(slot: 0))
        duty.written(0, epoch: 1, number: 1, now: 5_000_001)
        #expect(duty.epoch(0) == nil)
    }

    @Test(
        "a write refused for another slot's sake goes on under its epoch; one without an answer begins with a claim")
    func refusedAndLost() {
        var duty = CheckpointDuty(slotCount: 2)
        for slot in 0..<2 {
            _ = duty.advance(slot, isOnDuty: true, now: 0)
            _ = duty.claimed(slot, epoch: 3, now: 0)
            duty.loaded(slot, epoch: 3, now: 0)
        }
        #expect(duty.readySlots == [0, 1] && duty.claimedSlots == [0, 1])
        for slot in 0..<2 { _ = duty.advance(slot, isOnDuty: true, now: 0) }
        #expect(duty.readySlots == [] && duty.claimedSlots == [0, 1])
        duty.notWritten(0, epoch: 3, number: 1, now: 0)
        expect(duty.advance(0, isOnDuty: true, now: 0), .write(slot: 0, epoch: 3, number: 2))
        duty.startOver(1)
        expect(duty.advance(1, isOnDuty: true, now: 0), .claim(slot: 1))
        // Who waits after a fence waits on.
        duty.fenced(0, epoch: 3, now: 0)
        duty.startOver(0)
        expect(duty.advance(0, isOnDuty: true, now: 1), nil)
    }

    @Test("who is fenced waits; who is relieved forgets its epoch")
    func fenced() {
        var duty = CheckpointDuty(slotCount: 1)
        _ = duty.advance(0, isOnDuty: true, now: 0)
        _ = duty.claimed(0, epoch: 2, now: 0)
        duty.fenced(0, epoch: 1, now: 0)
        #expect(duty.epoch(0) == 2)
        duty.fenced(0, epoch: 2, now: 0)
        #expect(duty.epoch(0) == nil)
        expect(duty.advance(0, isOnDuty: true, now: 19_999_999), nil)
        expect(duty.advance(0, isOnDuty: true, now: 20_000_000), .claim(slot: 0))
        _ = duty.claimed(0, epoch: 5, now: 20_000_000)
        _ = duty.advance(0, isOnDuty: false, now: 20_000_001)
        #expect(duty.epoch(0) == nil)
    }
}
