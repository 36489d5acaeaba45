extension BPETokenizer {
    /// A small tokenizer in which every word of the templates and every name, place and object is one token with its
    /// leading space.
    ///
    /// - Parameters:
    ///   - texts: more texts whose words become tokens.
    ///   - templates: the sentences, places and objects.
    ///   - names: the names.
    public static func covering(
        _ templates: TemplateSet,
        _ names: NameList,
        and texts: [String] = []
    ) throws -> BPETokenizer {
        let words = (names.names + templates.places + templates.objects).map { " \($0)" }
        let sentences = templates.templates.map {
            $0.filled(
                order: .baba, io: names.names[0], s: names.names[1], place: templates.places[0],
                object: templates.objects[0]
            )
        }
        return try covering(texts: sentences + words + texts)
    }

    /// The token before a prompt's own: GPT-2 uses `<|endoftext|>` both to begin and to end a text.
    ///
    /// - Throws: `IOIError` of the field `bos` if the tokenizer has none.
    func beginningOfText() throws -> Int {
        guard let endOfText else {
            throw IOIError.invalid("bos", "the model's tokenizer has no <|endoftext|>; expected one that has")
        }
        return endOfText
    }
}

/// A name, place or object that is a single token.
struct Word: Sendable {
    /// Without its leading space.
    let text: String
    /// With its leading space.
    let token: Int

    /// The words of a file.
    struct List {
        let source: String
        let kind: String
        let entries: [String]
    }

    /// - Throws: `IOIError` naming every entry that is not a single token.
    static func tokenized(_ lists: [List], by tokenizer: BPETokenizer) throws -> [[Word]] {
        var offenders: [String] = []
        let words = lists.map { list in
            var bad: [String] = []
            let words = list.entries.compactMap { entry in
                guard let token = tokenizer.token(for: " " + entry) else {
                    bad.append("\"\(entry)\" (\(tokenizer.encode(" " + entry).count) tokens)")
                    return Word?.none
                }
                return Word(text: entry, token: token)
            }
            if !bad.isEmpty {
                offenders.append("\(list.source): \(list.kind) " + bad.joined(separator: ", "))
            }
            return words
        }
        guard offenders.isEmpty else {
            throw IOIError(
                offenders.joined(separator: "; ")
                    + "; expected words of one token with a leading space, by the model's tokenizer"
            )
        }
        return words
    }
}
