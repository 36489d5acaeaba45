import Foundation

/// A `tokenizer.json`, as Hugging Face's `tokenizers` writes it, of a byte-level BPE like GPT-2's. Anything in it that
/// would give other tokens than GPT-2's rules is refused.
struct TokenizerJSON: Decodable {
    struct AddedToken: Decodable {
        let id: WholeNumber
        let content: String
        let isWord, takesLeft, takesRight: Bool?

        enum CodingKeys: String, CodingKey {
            case id, content
            case isWord = "single_word"
            case takesLeft = "lstrip"
            case takesRight = "rstrip"
        }
    }

    /// The normalizer, the pre-tokenizer or the post-processor.
    private struct Part: Decodable {
        let type: String
        let addsSpace, splitsWords: Bool?
        /// Of a template: what it puts around a text.
        let surroundings: [String: Ignored]?

        enum CodingKeys: String, CodingKey {
            case type
            case addsSpace = "add_prefix_space"
            case splitsWords = "use_regex"
            case surroundings = "special_tokens"
        }
    }

    private struct Ignored: Decodable {
        init(from decoder: any Decoder) {}
    }

    private struct Model: Decodable {
        let type: String?
        let dropout: Double?
        let prefix, suffix: String?
        let ignoresMerges: Bool?

        enum CodingKeys: String, CodingKey {
            case type, dropout
            case prefix = "continuing_subword_prefix"
            case suffix = "end_of_word_suffix"
            case ignoresMerges = "ignore_merges"
        }
    }

    /// The vocabulary and merges of a BPE: each merge as "a b" or as ["a", "b"].
    private struct BPE: Decodable {
        let vocab: [String: WholeNumber]
        let merges: [[String]]

        enum CodingKeys: String, CodingKey { case vocab, merges }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            vocab = try container.decode([String: WholeNumber].self, forKey: .vocab)
            if let lines = try? container.decode([String].self, forKey: .merges) {
                merges = lines.map { $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init) }
            } else {
                merges = try container.decode([[String]].self, forKey: .merges)
            }
        }
    }

    private enum CodingKeys: String, CodingKey {
        case normalizer, model
        case added = "added_tokens"
        case splitter = "pre_tokenizer"
        case ending = "post_processor"
    }

    let added: [AddedToken]
    /// The id of each token that was not added.
    let vocabulary: [String: Int]
    /// By rank.
    let merges: [(String, String)]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func demand(_ isRight: Bool, _ key: CodingKeys, _ found: String, _ expected: String) throws {
            guard !isRight else { return }
            throw IOIError("\(key.rawValue): found \(found), expected \(expected): not a tokenizer of GPT-2's kind")
        }
        let model = try container.decode(Model.self, forKey: .model)
        try demand(model.type ?? "BPE" == "BPE", .model, (model.type ?? "").quoted, "\"BPE\"")
        try demand(model.dropout ?? 0 == 0, .model, "a dropout of \(model.dropout ?? 0)", "none")
        for affix in [model.prefix, model.suffix] {
            try demand(affix ?? "" == "", .model, "\((affix ?? "").quoted) put at tokens", "none")
        }
        try demand(model.ignoresMerges != true, .model, "ignore_merges", "merges that are applied")
        let normalizer = try container.decodeIfPresent(Part.self, forKey: .normalizer)
        try demand(normalizer == nil, .normalizer, (normalizer?.type ?? "").quoted, "none")
        let splitter = try container.decodeIfPresent(Part.self, forKey: .splitter)
        try demand(splitter?.type == "ByteLevel", .splitter, splitter?.type.quoted ?? "none", "\"ByteLevel\"")
        try demand(splitter?.splitsWords != false, .splitter, "use_regex false", "true")
        try demand(splitter?.addsSpace != true, .splitter, "add_prefix_space true", "false")
        let ending = try container.decodeIfPresent(Part.self, forKey: .ending)
        try demand(
            [nil, "ByteLevel", "TemplateProcessing"].contains(ending?.type), .ending,
            (ending?.type ?? "").quoted, "\"ByteLevel\" or none"
        )
        let put = (ending?.surroundings ?? [:]).keys.sorted()
        try demand(put.isEmpty, .ending, "\(put.first?.quoted ?? "") put around each text", "no token")
        let bpe = try container.decode(BPE.self, forKey: .model)
        vocabulary = bpe.vocab.mapValues(\.value)
        merges = try bpe.merges.enumerated().map { index, tokens in
            guard tokens.count == 2 else {
                throw IOIError("model.merges[\(index)]: found \(tokens.count) tokens, expected two")
            }
            return (tokens[0], tokens[1])
        }
        added = try container.decodeIfPresent([AddedToken].self, forKey: .added) ?? []
        for token in added {
            let isPlain = token.isWord != true && token.takesLeft != true && token.takesRight != true
            guard isPlain else {
                throw IOIError(
                    "added_tokens: found \(token.content.quoted) with single_word, lstrip or rstrip, expected a token "
                        + "that stands only for its own text"
                )
            }
        }
    }
}
