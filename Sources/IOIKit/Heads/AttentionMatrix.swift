/// Attention from queries (rows) to keys (columns), or a difference of it.
public struct AttentionMatrix: Codable, Equatable, Sendable {
    /// [queries][keys]; nil where the key is behind the query in every prompt, which attention never reaches.
    public let value: [[Double?]]
    /// The lower and upper bounds of means over prompts, [queries][keys]; nil for a single prompt.
    public let ci95: [[[Double]?]]?

    init(value: [[Double?]], ci95: [[[Double]?]]? = nil) {
        (self.value, self.ci95) = (value, ci95)
    }

    /// A single prompt's pattern.
    ///
    /// - Parameter pattern: square, with any numbers behind the query. [queries][keys]
    init(pattern: [[Float]]) {
        value = pattern.enumerated().map { query, row in
            row.enumerated().map { key, weight in key <= query ? Double(weight) : nil }
        }
        ci95 = nil
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        value = try container.decode([[Double?]].self, forKey: .value)
        ci95 = try container.decodeIfPresent([[Interval?]].self, forKey: .ci95)?.map { $0.map { $0?.bounds } }
        guard Set(value.map(\.count)).count < 2, ci95 == nil || ci95?.map(\.count) == value.map(\.count) else {
            throw DecodingError.dataCorruptedError(
                forKey: .value, in: container, debugDescription: "expected rows of equal length, as many in ci95")
        }
    }

    private enum CodingKeys: CodingKey { case value, ci95 }

    public subscript(query: Int, key: Int) -> Estimate {
        Estimate(value: value[query][key], ci95: ci95?[query][key])
    }

    /// This pattern less another.
    static func - (a: Self, b: Self) -> Self {
        AttentionMatrix(
            value: zip(a.value, b.value).map { zip($0, $1).map { a, b in a.flatMap { a in b.map { a - $0 } } } })
    }
}

/// The attention of some heads between tokens, or between positions of many prompts.
public struct AttentionPatterns: Codable, Equatable, Sendable {
    /// One head.
    public struct Map: Codable, Equatable, Sendable {
        public let head: Head
        public let model: AttentionMatrix
        /// nil without a donor, like the difference.
        public let donor: AttentionMatrix?
        /// The donor's attention less the model's.
        public let difference: AttentionMatrix?

        init(head: Head, model: AttentionMatrix, donor: AttentionMatrix? = nil, difference: AttentionMatrix? = nil) {
            (self.head, self.model, self.donor, self.difference) = (head, model, donor, difference)
        }
    }

    /// What the rows stand for: tokens, or names of positions.
    public let queries: [String]
    /// What the columns stand for: the same, and after names of positions ``elsewhere``.
    public let keys: [String]
    /// In the order in which they were asked for.
    public let heads: [Map]

    /// The column of all tokens at which no prompt position has a name.
    public static let elsewhere = "elsewhere"

    init(queries: [String], keys: [String], heads: [Map]) {
        (self.queries, self.keys, self.heads) = (queries, keys, heads)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        queries = try container.decode([String].self, forKey: .queries)
        keys = try container.decode([String].self, forKey: .keys)
        heads = try container.decode([Map].self, forKey: .heads)
        let matrices = heads.flatMap { [$0.model, $0.donor, $0.difference].compactMap { $0 } }
        guard
            matrices.allSatisfy({ matrix in
                matrix.value.count == queries.count && matrix.value.allSatisfy { $0.count == keys.count }
            })
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .heads, in: container, debugDescription: "expected a row for each query, a column for each key")
        }
    }

    private enum CodingKeys: CodingKey { case queries, keys, heads }
}

extension AttentionPatterns.Map {
    /// The keys that a query attends to most, in the model or in the donor; only those that it sees.
    public func strongestKeys(of query: Int, _ count: Int) -> [Int] {
        func weight(_ key: Int) -> Double {
            max(model[query, key].value ?? -1, donor?[query, key].value ?? -1)
        }
        return model.value[query].indices.filter { model.value[query][$0] != nil }
            .sorted { (-weight($0), $0) < (-weight($1), $1) }.prefix(count).map { $0 }
    }
}

extension AttentionPatterns {
    /// Whether rows are tokens, whose place in the text tells those of equal text apart.
    private var areTokens: Bool { queries == keys }

    /// The last row in words.
    var lastName: String {
        let name = queries.last?.trimmedToken ?? ""
        return areTokens ? "the last token, “\(name)”" : name
    }

    /// A row by its name, and its place if it is a token.
    public func queryLabel(_ query: Int) -> String {
        areTokens ? "\(query) \(queries[query].trimmedToken)" : queries[query]
    }

    /// A column likewise.
    public func keyLabel(_ key: Int) -> String { areTokens ? "\(key) \(keys[key].trimmedToken)" : keys[key] }
}

extension String {
    /// Without the leading space of a token, unless there is nothing else.
    var trimmedToken: String {
        guard contains(where: { !$0.isWhitespace }) else { return replacing(" ", with: "␣").visible }
        return (hasPrefix(" ") ? String(dropFirst()) : self).visible
    }
}
