/// A prompt as a file holds it, before it is checked: fields may be missing.
struct PairRecord {
    /// What a form of file calls its fields, for errors.
    struct Names: Equatable, Sendable {
        let text, counterfactual, right, wrong, positions: String

        static let own = Names(
            text: "text", counterfactual: "counterfactual", right: "right", wrong: "wrong", positions: "positions")
        static let autoCircuit = Names(
            text: "clean", counterfactual: "corrupt", right: "answers", wrong: "wrong_answers", positions: "word_idxs")

        /// A table whose answers are in the columns `right` and `wrong`.
        static func table(right: String, wrong: String) -> Names {
            Names(text: "clean", counterfactual: "corrupted", right: right, wrong: wrong, positions: "")
        }
    }

    /// A next token, as people write it.
    enum Answer: Decodable {
        /// Exactly one token, with its leading space if it has one.
        case text(String)
        case token(Int)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let id = try? container.decode(WholeNumber.self) {
                self = .token(id.value)
            } else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "expected a string or a token id")
            }
        }
    }

    var names: Names
    /// File and line, for errors.
    var source = ""
    var id: Int?
    var dataset, template, group: String?
    var text, counterfactual: String?
    /// Of tokens that are given instead of being derived from the texts.
    var tokens, counterfactualTokens: [Int]?
    var right, wrong: [Answer]?
    var rightTokens, wrongTokens: [Int]?
    var answer: String?
    var answerToken: Int?
    var words: [String: String] = [:]
    /// The indices of the named positions in ``tokens``, else in the tokens of ``text`` alone.
    var positions: [String: Int] = [:]
}

extension PairRecord: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FieldName.self)
        func value<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value? {
            try container.decodeIfPresent(type, forKey: FieldName(name))
        }
        func number(_ name: String) throws -> Int? { try value(name, as: WholeNumber.self)?.value }
        func numbers(_ name: String) throws -> [Int]? { try value(name, as: [WholeNumber].self)?.map(\.value) }
        names = container.contains("clean") ? .autoCircuit : .own
        (id, dataset, template, group) = (
            try number("id"), try value("dataset"), try value("template", as: Label.self)?.text,
            try value("group", as: Label.self)?.text
        )
        (text, counterfactual) = (try value(names.text), try value(names.counterfactual))
        (tokens, counterfactualTokens) = (try numbers("tokens"), try numbers("counterfactual_tokens"))
        (right, wrong) = (try value(names.right), try value(names.wrong))
        (rightTokens, wrongTokens) = (try numbers("right_tokens"), try numbers("wrong_tokens"))
        (answer, answerToken) = (try value("answer"), try number("answer_token"))
        words = try value("words") ?? [:]
        positions = try value("positions", as: [String: WholeNumber].self)?.mapValues(\.value) ?? [:]
    }
}

/// A name that a file may write as a number.
struct Label: Decodable {
    let text: String

    init(_ text: String) { self.text = text }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        text = try (try? container.decode(Int.self)).map { "\($0)" } ?? container.decode(String.self)
    }
}
