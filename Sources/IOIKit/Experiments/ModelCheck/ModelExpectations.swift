import Foundation

/// What is known of a model: an entry of `Data/checks.json`.
///
/// The file is a JSON object with an entry for each known model under its name (`gpt2`, `embedded`, or the name of its
/// folder). All fields are optional; a missing field is not checked:
///
///     {"gpt2": {
///       "source": "where the hash comes from",
///       "sha256": "of model.safetensors, 64 hexadecimal digits",
///       "prompts": 500, "seed": 0,
///       "metrics": {"logit_difference": {"bounds": [2, 5], "source": "…"}, "accuracy": …, "top1": …,
///                   "io_probability": …},
///       "continuations": [{"text": "When Mary and …", "answer": " Mary", "source": "…",
///                          "probabilities": {" Mary": 0.7, " the": 0.05}, "tolerance": 0.001}],
///       "published_prompts": [{"tokens_sha256": "…", "count": 100, "logit_difference": 3.149, "first": [2.4403],
///                              "tolerance": 0.0005, "source": "…"}],
///       "repeated_tokens": {"length": 100, "drawn_from": "vocabulary",
///                           "previous": {"heads": ["4.11"], "among": 10, "source": "…"}, "duplicate": …,
///                           "induction": …}
///     }}
///
/// Metrics are means over `prompts` held-out clean prompts (default 500) generated with `seed` (default 0), and have to lie
/// within their bounds. A continuation's `answer`, one token with its leading space, has to be the most likely next token
/// after its text. With `probabilities` these tokens have to be the most likely ones in the order of their probabilities, and
/// each probability may differ by `tolerance`. Published prompts are no part of the program: a file of them is known by
/// `tokens_sha256` (``IOIDataset/tokensSHA256``). Their mean logit difference and that of the first ones may differ from what
/// was published by `tolerance`. On repeated random tokens (``RepeatedTokens``), each of the heads has to be among the `among` heads of
/// the model with the highest mean attention along the diagonal. `length` tokens (default 100) are drawn with `seed` from
/// the whole vocabulary, or with `"drawn_from": "names"` from the program's names, for models that know few words.
/// `source` is the source of an expectation.
public struct ModelExpectations: Codable, Equatable, Sendable {
    /// A task metric.
    public enum Metric: String, CaseIterable, Sendable {
        case logitDifference = "logit_difference"
        case accuracy, top1
        case ioProbability = "io_probability"
    }

    /// The range of a metric.
    public struct Bounds: Codable, Equatable, Sendable {
        /// The least and the greatest value.
        public let bounds: [Double]
        public let source: String?
    }

    /// A text and its most likely next token.
    public struct Continuation: Codable, Equatable, Sendable {
        public let text: String
        /// With its leading space.
        public let answer: String
        /// The most likely tokens with their probabilities; nil if only the answer is known.
        public let probabilities: [String: Double]?
        /// The greatest difference of a probability.
        public let tolerance: Double?
        public let source: String?

        /// The tokens of ``probabilities``, most likely first.
        var ranked: [(token: String, probability: Double)] {
            (probabilities ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { (token: $0.key, probability: $0.value) }
        }
    }

    /// Logit differences published for prompts that are not this program's.
    public struct PublishedPrompts: Codable, Equatable, Sendable {
        /// The ``IOIDataset/tokensSHA256`` of the prompts.
        public let tokensSHA256: String
        public let count: Int
        /// The mean.
        public let logitDifference: Double
        /// Those of the first prompts.
        public let first: [Double]
        /// The greatest difference of a logit difference, or of their mean.
        public let tolerance: Double
        public let source: String?
    }

    /// The heads with the highest attention along a diagonal.
    public struct LeadingHeads: Codable, Equatable, Sendable {
        public let heads: [Head]
        /// The lowest rank that any of them may have.
        public let among: Int
        public let source: String?
    }

    /// Attention along the diagonals of repeated random tokens.
    public struct Diagonals: Codable, Equatable, Sendable {
        /// The source of the tokens.
        public enum Pool: String, CaseIterable, Codable, Sendable {
            case vocabulary, names
        }

        /// The number of tokens, before they are repeated.
        public let length: Int
        public let pool: Pool
        public let previous: LeadingHeads?
        public let duplicate: LeadingHeads?
        public let induction: LeadingHeads?
    }

    /// The source of the hash.
    public let source: String?
    /// The hash of model.safetensors.
    public let sha256: String?
    /// The number of prompts for the metrics.
    public let prompts: Int
    /// The seed of prompts and random tokens.
    public let seed: UInt64
    /// By ``Metric``.
    public let metrics: [String: Bounds]
    public let continuations: [Continuation]
    public let publishedPrompts: [PublishedPrompts]
    public let repeatedTokens: Diagonals?

    /// The expectations of a model; nil if there are none.
    ///
    /// - Throws: `IOIError` if `Data/checks.json` is missing or invalid.
    public static func standard(for name: String) throws -> ModelExpectations? {
        try all(contentsOf: DataDirectory.file("checks.json"))[name]
    }

    /// All expectations, by the model's name.
    ///
    /// - Throws: `IOIError` that names the file and the field, what was found and what was expected.
    static func all(contentsOf file: URL) throws -> [String: ModelExpectations] {
        try InputFile.decode([String: ModelExpectations].self, from: file)
    }
}

// Decoding refuses unknown fields, because a misspelt one would check nothing.

extension ModelExpectations {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case source, sha256, prompts, seed, metrics, continuations
        case publishedPrompts = "published_prompts"
        case repeatedTokens = "repeated_tokens"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        source = try container.decodeIfPresent(String.self, forKey: .source)
        sha256 = try container.decodeIfPresent(String.self, forKey: .sha256)
        if let sha256 { try container.check(hash: sha256, .sha256) }
        prompts = try container.decodeCount(.prompts, default: 500)
        seed = try container.decodeIfPresent(WholeNumber.self, forKey: .seed).map { UInt64($0.value) } ?? 0
        metrics = try container.decodeIfPresent([String: Bounds].self, forKey: .metrics) ?? [:]
        if let name = metrics.keys.sorted().first(where: { Metric(rawValue: $0) == nil }) {
            let names = Metric.allCases.map(\.rawValue).joined(separator: ", ")
            throw container.fault(.metrics, "expected metrics among \(names), not \(name.quoted)")
        }
        continuations = try container.decodeIfPresent([Continuation].self, forKey: .continuations) ?? []
        publishedPrompts = try container.decodeIfPresent([PublishedPrompts].self, forKey: .publishedPrompts) ?? []
        repeatedTokens = try container.decodeIfPresent(Diagonals.self, forKey: .repeatedTokens)
    }
}

extension ModelExpectations.Bounds {
    enum CodingKeys: CodingKey, CaseIterable {
        case bounds, source
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        bounds = try container.decode([Double].self, forKey: .bounds)
        guard bounds.count == 2, bounds[0] <= bounds[1] else {
            throw container.fault(.bounds, "expected two numbers, the second not less")
        }
        source = try container.decodeIfPresent(String.self, forKey: .source)
    }
}

extension ModelExpectations.Continuation {
    enum CodingKeys: CodingKey, CaseIterable {
        case text, answer, probabilities, tolerance, source
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        text = try container.decode(String.self, forKey: .text)
        answer = try container.decode(String.self, forKey: .answer)
        source = try container.decodeIfPresent(String.self, forKey: .source)
        if text.isEmpty { throw container.fault(.text, "expected text") }
        if answer.isEmpty { throw container.fault(.answer, "expected a token") }
        probabilities = try container.decodeIfPresent([String: Double].self, forKey: .probabilities)
        tolerance = try container.decodeIfPresent(Double.self, forKey: .tolerance)
        if let first = ranked.first {
            guard first.token == answer else {
                throw container.fault(.probabilities, "expected the answer \(answer.quoted) as the likeliest token")
            }
            guard let tolerance, tolerance >= 0 else {
                throw container.fault(.tolerance, "expected a number, 0 or more")
            }
        } else if tolerance != nil || probabilities != nil {
            throw container.fault(.probabilities, "expected at least one token, for the tolerance to apply to")
        }
    }
}

extension ModelExpectations.PublishedPrompts {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case tokensSHA256 = "tokens_sha256"
        case count
        case logitDifference = "logit_difference"
        case first, tolerance, source
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        tokensSHA256 = try container.decode(String.self, forKey: .tokensSHA256)
        try container.check(hash: tokensSHA256, .tokensSHA256)
        count = try container.decode(WholeNumber.self, forKey: .count).value
        logitDifference = try container.decode(Double.self, forKey: .logitDifference)
        first = try container.decodeIfPresent([Double].self, forKey: .first) ?? []
        tolerance = try container.decode(Double.self, forKey: .tolerance)
        source = try container.decodeIfPresent(String.self, forKey: .source)
        if count < max(1, first.count) { throw container.fault(.count, "expected \(max(1, first.count)) or more") }
        if tolerance < 0 { throw container.fault(.tolerance, "expected 0 or more") }
    }
}

extension ModelExpectations.LeadingHeads {
    enum CodingKeys: CodingKey, CaseIterable {
        case heads, among, source
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        heads = try container.decode([Head].self, forKey: .heads)
        among = try container.decode(WholeNumber.self, forKey: .among).value
        source = try container.decodeIfPresent(String.self, forKey: .source)
        if heads.isEmpty { throw container.fault(.heads, "expected at least one head") }
        if among < heads.count {
            throw container.fault(.among, "expected \(heads.count) or more, as many as the heads")
        }
    }
}

extension ModelExpectations.Diagonals {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case length
        case pool = "drawn_from"
        case previous, duplicate, induction
    }

    public init(from decoder: any Decoder) throws {
        typealias Heads = ModelExpectations.LeadingHeads
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        length = try container.decodeCount(.length, default: 100)
        if length < 2 { throw container.fault(.length, "expected 2 or more") }
        let name = try container.decodeIfPresent(String.self, forKey: .pool) ?? Pool.vocabulary.rawValue
        guard let pool = Pool(rawValue: name) else {
            throw container.fault(.pool, "expected " + Pool.allCases.map(\.rawValue).joined(separator: " or "))
        }
        self.pool = pool
        previous = try container.decodeIfPresent(Heads.self, forKey: .previous)
        duplicate = try container.decodeIfPresent(Heads.self, forKey: .duplicate)
        induction = try container.decodeIfPresent(Heads.self, forKey: .induction)
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// A container without any other fields.
    fileprivate func strictContainer<Key: CodingKey & CaseIterable>(
        keyedBy keys: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        let all = try container(keyedBy: AnyKey.self)
        let names = Key.allCases.map(\.stringValue)
        let unknown = all.allKeys.filter { !names.contains($0.stringValue) }
        if let key = unknown.min(by: { $0.stringValue < $1.stringValue }) {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: all, debugDescription: "expected only the fields " + names.joined(separator: ", ")
            )
        }
        return try container(keyedBy: keys)
    }
}

extension KeyedDecodingContainer {
    fileprivate func fault(_ key: Key, _ expected: String) -> DecodingError {
        .dataCorruptedError(forKey: key, in: self, debugDescription: expected)
    }

    fileprivate func check(hash: String, _ key: Key) throws {
        if hash.count != 64 || !hash.allSatisfy({ "0123456789abcdef".contains($0) }) {
            throw fault(key, "expected 64 hexadecimal digits in lower case")
        }
    }

    /// A whole number from 1.
    fileprivate func decodeCount(_ key: Key, default standard: Int) throws -> Int {
        let count = try decodeIfPresent(WholeNumber.self, forKey: key)?.value ?? standard
        guard (1...1_000_000).contains(count) else { throw fault(key, "expected 1 to 1000000") }
        return count
    }
}
