/// The merges of a BPE tokenizer, looked up by the pair of tokens that each one joins.
struct MergeTable: Sendable {
    struct Merge: Sendable {
        /// The merge's place in the list: the lowest is done first.
        let rank: UInt32
        /// The token that takes the pair's place.
        let result: Int32
    }

    private var merges: [UInt64: Merge] = [:]

    init(capacity: Int) {
        merges.reserveCapacity(capacity)
    }

    subscript(left: Int32, right: Int32) -> Merge? {
        merges[Self.key(left, right)]
    }

    /// Appends a merge, which ranks after all merges so far.
    ///
    /// - Returns: false, with nothing changed, where the pair has a merge already.
    mutating func append(_ left: Int32, _ right: Int32, result: Int32) -> Bool {
        guard self[left, right] == nil else { return false }
        merges[Self.key(left, right)] = Merge(rank: UInt32(merges.count), result: result)
        return true
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
