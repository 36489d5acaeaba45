/// A patched run of the prompts of a cached one, as a list of edits.
package struct Variant {
    let edits: [Edit]
    /// The tokens whose rows are computed, ascending; all others keep their cached values.
    package let tokens: [Int]
    /// Where the row of each token leaves the cached run.
    let entries: [Entry]

    /// Where the first row leaves the cached run; beyond all places where none does.
    package var entry: Entry { entries.min() ?? Entry(.max, .residPost) }

    /// Computes each prompt from its first edited token on, which in a causal model is all that can change, and each
    /// token from its first edit on, or from the layer on in which it can see that of an earlier one; prompts without an
    /// edit stay as they are.
    package init(_ edits: [Edit], of batch: PackedBatch) {
        var own = [Entry?](repeating: nil, count: batch.rowOfToken.count)
        for edit in edits {
            let entry = Entry(edit.layer, edit.site.stage)
            for token in edit.tokens { own[token] = own[token].map { min($0, entry) } ?? entry }
        }
        var rows: [(token: Int, entry: Entry)] = []
        for tokens in batch.prompts {
            var seen: Entry?
            for token in tokens {
                guard let entry = [own[token], seen].compactMap({ $0 }).min() else { continue }
                rows.append((token, entry))
                seen = [seen, entry.whenSeen].compactMap { $0 }.min()
            }
        }
        self.init(edits, rows: rows)
    }

    /// Computes just `tokens`, which is enough where attention, the one layer that mixes them, is held.
    package init(_ edits: [Edit], tokens: [Int]) {
        self.edits = edits
        self.tokens = edits.isEmpty ? [] : tokens
        let entry = edits.map { Entry($0.layer, $0.site.stage) }.min()
        entries = self.tokens.map { _ in entry! }
    }

    /// Computes just `rows`, each from its own place on, which is enough where edits or the cached run hold everything
    /// that another row could take in.
    package init(_ edits: [Edit], rows: [(token: Int, entry: Entry)]) {
        self.edits = edits
        tokens = rows.map(\.token)
        entries = rows.map(\.entry)
    }
}

/// The rows of variants that run together, in the order in which they leave the cached run: at any stage, those that
/// have left are the first ones.
struct EditedRows {
    /// The token of each row.
    private(set) var tokens: [Int] = []
    /// The variant of each row.
    private(set) var variants: [Int] = []
    private var entries: [Entry] = []
    /// For each variant and token of the batch its row, or -1.
    private var places: [[Int32]] = []

    /// - Parameters:
    ///   - layers: of the model; a token that could change only after them has no row.
    ///   - sharing: whether tokens that share a row of the batch share one here: their edits must be the same.
    init(_ variants: [Variant], batch: PackedBatch, layers: Int, sharing: Bool) {
        for (index, variant) in variants.enumerated() {
            var places = [Int32](repeating: -1, count: batch.rowOfToken.count)
            var known: [Int: Int32] = [:]
            for (token, entry) in zip(variant.tokens, variant.entries) where entry.layer < layers {
                if sharing, let row = known[batch.rowOfToken[token]] {
                    places[token] = row
                    continue
                }
                places[token] = Int32(tokens.count)
                if sharing { known[batch.rowOfToken[token]] = places[token] }
                tokens.append(token)
                self.variants.append(index)
                entries.append(entry)
            }
            self.places.append(places)
        }
        guard !zip(entries, entries.dropFirst()).allSatisfy({ $0 <= $1 }) else { return }
        keep(entries.indices.sorted { (entries[$0], $0) < (entries[$1], $1) })
    }

    var count: Int { tokens.count }

    /// The row of a token in a variant; nil where it keeps its cached values.
    func place(variant: Int, token: Int) -> Int? {
        let place = places[variant][token]
        return place < 0 ? nil : Int(place)
    }

    /// How many rows have left the cached run before `entry`.
    func count(before entry: Entry) -> Int { partition { $0 < entry } }

    /// How many rows have left the cached run at `entry` or before.
    func count(through entry: Entry) -> Int { partition { $0 <= entry } }

    /// Leaves only the rows `kept`, in that order.
    mutating func keep(_ kept: [Int]) {
        var moved = [Int32](repeating: -1, count: count)
        for (place, row) in kept.enumerated() { moved[row] = Int32(place) }
        places = places.map { $0.map { $0 < 0 ? -1 : moved[Int($0)] } }
        tokens = kept.map { tokens[$0] }
        variants = kept.map { variants[$0] }
        entries = kept.map { entries[$0] }
    }

    /// The number of leading entries of which `isFirst` is true.
    private func partition(_ isFirst: (Entry) -> Bool) -> Int {
        var range = entries.startIndex..<entries.endIndex
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            range = isFirst(entries[middle]) ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}
