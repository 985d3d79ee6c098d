package import MetricModel
package import SlotMovement

// One by one, not by `SlotSet.init`: that is generic and called unspecialised from here, at ten times the cost for the thousands of slots of a query.

extension ReadReply.Group {
    /// The group's slots as a set.
    package var slotSet: SlotSet {
        var set = SlotSet()
        for slot in slots { set.insert(UInt16(slot)) }
        return set
    }
}

extension ReadReply {
    /// The slots for which the answerer's samples are all that there are.
    package var wholeSet: SlotSet {
        var set = SlotSet()
        for group in groups where group.isWhole { set.formUnion(group.slotSet) }
        return set
    }
}
