import Foundation

/// A `tokenizer.json`, as Hugging Face's `tokenizers` writes it, of a byte-level BPE like GPT-2's. Anything in it that
/// would give other tokens than GPT-2's rules is refused.
struct TokenizerJSON: Decodable {
    struct AddedToken: Decodable {
        let id: WholeNumber
        let content: String
        let single_word, lstrip, rstrip: Bool?
    }

    private struct Part: Decodable {
        let type: String
        let add_prefix_space, use_regex: Bool?
        /// Of a template: what it puts around a text.
        let special_tokens: [String: Ignored]?
    }

    private struct Ignored: Decodable {
        init(from decoder: any Decoder) {}
    }

    private struct Model: Decodable {
        let type: String?
        let dropout: Double?
        let continuing_subword_prefix, end_of_word_suffix: String?
        let ignore_merges: Bool?
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
        case added_tokens, normalizer, pre_tokenizer, post_processor, model
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
        for affix in [model.continuing_subword_prefix, model.end_of_word_suffix] {
            try demand(affix ?? "" == "", .model, "\((affix ?? "").quoted) put at tokens", "none")
        }
        try demand(model.ignore_merges != true, .model, "ignore_merges", "merges that are applied")
        let normalizer = try container.decodeIfPresent(Part.self, forKey: .normalizer)
        try demand(normalizer == nil, .normalizer, (normalizer?.type ?? "").quoted, "none")
        let splitter = try container.decodeIfPresent(Part.self, forKey: .pre_tokenizer)
        try demand(splitter?.type == "ByteLevel", .pre_tokenizer, splitter?.type.quoted ?? "none", "\"ByteLevel\"")
        try demand(splitter?.use_regex != false, .pre_tokenizer, "use_regex false", "true")
        try demand(splitter?.add_prefix_space != true, .pre_tokenizer, "add_prefix_space true", "false")
        let ending = try container.decodeIfPresent(Part.self, forKey: .post_processor)
        try demand(
            [nil, "ByteLevel", "TemplateProcessing"].contains(ending?.type), .post_processor,
            (ending?.type ?? "").quoted, "\"ByteLevel\" or none"
        )
        let put = (ending?.special_tokens ?? [:]).keys.sorted()
        try demand(put.isEmpty, .post_processor, "\(put.first?.quoted ?? "") put around each text", "no token")
        let bpe = try container.decode(BPE.self, forKey: .model)
        vocabulary = bpe.vocab.mapValues(\.value)
        merges = try bpe.merges.enumerated().map { index, tokens in
            guard tokens.count == 2 else {
                throw IOIError("model.merges[\(index)]: found \(tokens.count) tokens, expected two")
            }
            return (tokens[0], tokens[1])
        }
        added = try container.decodeIfPresent([AddedToken].self, forKey: .added_tokens) ?? []
        for token in added {
            let isPlain = token.single_word != true && token.lstrip != true && token.rstrip != true
            guard isPlain else {
                throw IOIError(
                    "added_tokens: found \(token.content.quoted) with single_word, lstrip or rstrip, expected a token "
                        + "that stands for its own text alone"
                )
            }
        }
    }
}
