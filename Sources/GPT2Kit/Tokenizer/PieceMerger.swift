/// Applies the merges to one piece of text after another, reusing its working memory.
struct PieceMerger {
    /// A token of the piece, in a doubly linked list; -1 marks an end.
    private struct Link {
        var token: Int32
        var previous: Int32
        var next: Int32
        /// The merge with the next token.
        var merge: MergeTable.Merge?
    }

    /// A link that absorbs the next one keeps its index, so indices keep the order of the text.
    private var links: [Link] = []
    private var queue = MinHeap()
    private let byteTokens: [Int32]

    /// - Parameter byteTokens: the token of each single byte.
    init(byteTokens: [Int32]) {
        self.byteTokens = byteTokens
    }

    /// Joins neighbouring tokens while any pair has a merge, each time the first occurrence of the pair of lowest rank.
    /// Takes n log n time in the number of tokens: a piece can be as long as the text.
    ///
    /// - Parameters:
    ///   - piece: the bytes of a piece of text.
    ///   - output: the joined tokens are appended to it.
    mutating func merge(_ piece: ArraySlice<UInt8>, by table: MergeTable, into output: inout [Int]) {
        links.removeAll(keepingCapacity: true)
        for byte in piece {
            let index = Int32(links.count)
            links.append(Link(token: byteTokens[Int(byte)], previous: index - 1, next: index + 1))
        }
        guard !links.isEmpty else { return }
        links[links.count - 1].next = -1
        for index in links.indices { findMerge(at: index, in: table) }

        while let (rank, index) = queue.popFirst() {
            // An entry whose pair has changed since is stale.
            guard let merge = links[index].merge, merge.rank == rank else { continue }
            links[index].token = merge.result
            absorbNext(at: index)
            findMerge(at: index, in: table)
            if links[index].previous >= 0 { findMerge(at: Int(links[index].previous), in: table) }
        }

        var index = 0
        while index >= 0 {
            output.append(Int(links[index].token))
            index = Int(links[index].next)
        }
    }

    private mutating func findMerge(at index: Int, in table: MergeTable) {
        let link = links[index]
        let merge = link.next < 0 ? nil : table[link.token, links[Int(link.next)].token]
        links[index].merge = merge
        if let merge { queue.insert(rank: merge.rank, index: index) }
    }

    private mutating func absorbNext(at index: Int) {
        let absorbed = Int(links[index].next)
        let after = links[absorbed].next
        links[index].next = after
        if after >= 0 { links[Int(after)].previous = Int32(index) }
        links[absorbed].merge = nil
    }
}

/// A binary heap of applicable merges, ordered by rank, then by index.
private struct MinHeap {
    /// The rank in the upper half, the index in the lower.
    private var entries: [UInt64] = []

    mutating func insert(rank: UInt32, index: Int) {
        let entry = UInt64(rank) << 32 | UInt64(index)
        var child = entries.count
        entries.append(entry)
        while child > 0 {
            let parent = (child - 1) / 2
            if entries[parent] <= entry { break }
            entries[child] = entries[parent]
            child = parent
        }
        entries[child] = entry
    }

    mutating func popFirst() -> (rank: UInt32, index: Int)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        if !entries.isEmpty { sink(last) }
        return (UInt32(first >> 32), Int(first & 0xffff_ffff))
    }

    /// Inserts an entry at the root and sifts it down.
    private mutating func sink(_ entry: UInt64) {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= entries.count { break }
            if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
            if entry <= entries[child] { break }
            entries[parent] = entries[child]
            parent = child
        }
        entries[parent] = entry
    }
}

/// The merges of a BPE tokenizer, by the pair of tokens that each one joins.
struct MergeTable: Sendable {
    struct Merge: Sendable {
        /// The merge's index in the list; the lowest is applied first.
        let rank: UInt32
        /// The token that replaces the pair.
        let result: Int32
    }

    private var merges: [UInt64: Merge] = [:]

    init(capacity: Int) {
        merges.reserveCapacity(capacity)
    }

    subscript(left: Int32, right: Int32) -> Merge? {
        merges[Self.key(left, right)]
    }

    /// Appends a merge, ranked after all others.
    ///
    /// - Returns: false, and changes nothing, if the pair already has a merge.
    mutating func append(_ left: Int32, _ right: Int32, result: Int32) -> Bool {
        guard self[left, right] == nil else { return false }
        merges[Self.key(left, right)] = Merge(rank: UInt32(merges.count), result: result)
        return true
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
