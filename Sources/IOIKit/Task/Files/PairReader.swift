/// Makes prompts of the records of a file: checks the fields that are present and derives the others.
struct PairReader {
    /// Derives tokens; not needed for records that have them all.
    let tokenizer: BPETokenizer?
    let config: GPT2Config
    /// Whether derived tokens begin with `<|endoftext|>`.
    let beginningOfText: Bool
    let irregular: IrregularPrompts

    /// - Parameters:
    ///   - records: those of the file.
    ///   - file: the file, whose name prompts without a dataset's take.
    ///   - dropUnequal: whether prompts are left out whose counterfactual is of another length.
    /// - Throws: `IOIError` naming the place and the field that is missing or invalid; of the field `bos` if no prompt
    ///   could begin with `<|endoftext|>`.
    func dataset(_ records: [PairRecord], of file: PromptFile, dropUnequal: Bool) throws -> TaskDataset {
        if beginningOfText, records.allSatisfy({ $0.tokens != nil }) {
            throw IOIError.invalid("bos", "has no effect on \(file.path), whose prompts all have their tokens")
        }
        let all = try records.enumerated().map { index, record in
            try Derivation(reader: self, record: record).prompt(index, dataset: file.name)
        }
        try checkNames(records, all)
        let doubts = zip(records, all).compactMap { record, prompt in
            prompt.irregularity(text: record.names.text, isGivenTokens: record.tokens != nil).map {
                (record.source, $0)
            }
        }
        let irregular = try irregular.check(doubts, of: all.count)
        let places = records.map { ($0.source, $0.names.counterfactual) }
        let prompts = try PromptFile.equal(all, of: places, dropping: dropUnequal) {
            ($0.tokens.count, $0.counterfactualTokens?.count)
        }
        let names = Set(prompts.map(\.dataset))
        let lines = prompts.count == all.count ? file.lines : nil
        return TaskDataset(
            name: names.count == 1 ? prompts[0].dataset : file.name, seed: nil, prompts: prompts,
            jsonLines: lines ?? PromptWriter.jsonLines(prompts, tokenizer: tokenizer), irregular: irregular
        )
    }

    /// Checks that ids of IOI answers are those of names in the sentence: ids of another vocabulary may be in range.
    private func checkNames(_ records: [PairRecord], _ prompts: [Prompt]) throws {
        guard let tokenizer, records.first?.names == PairTable.ids,
            prompts.allSatisfy({ (try? Sentence(prompt: $0.text)) != nil })
        else { return }
        for (record, prompt) in zip(records, prompts) {
            for (field, token) in [
                (record.names.right, prompt.rightTokens[0]), (record.names.wrong, prompt.wrongTokens[0]),
            ] {
                let name = tokenizer.decode([token])
                guard !prompt.text.contains(name.drop(while: \.isWhitespace)) else { continue }
                throw IOIError(
                    "\(record.source): \(field): found \(token), which is \(name.quoted) in the model's vocabulary, "
                        + "expected a name of the sentence; \(PairTable.waysOut)"
                )
            }
        }
    }
}

/// Makes the prompt of a record.
private struct Derivation {
    let reader: PairReader
    let record: PairRecord

    private var names: PairRecord.Names { record.names }

    private func fault(_ problem: String) -> IOIError { IOIError("\(record.source): \(problem)") }

    func prompt(_ index: Int, dataset: String) throws -> Prompt {
        guard let text = record.text else { throw fault("\(names.text) is missing, expected a string") }
        guard !text.isEmpty else { throw fault("\(names.text) is empty") }
        let tokens = try tokens(of: text, given: record.tokens, ("tokens", names.text))
        let beginning = record.tokens == nil ? reader.beginningOfText : tokens[0] == reader.tokenizer?.endOfText
        let right = try answers(record.right, ids: record.rightTokens, names.right, "right_tokens")
        let wrong = try answers(record.wrong, ids: record.wrongTokens, names.wrong, "wrong_tokens")
        let fields = (
            right: record.rightTokens == nil ? names.right : "right_tokens",
            wrong: record.wrongTokens == nil ? names.wrong : "wrong_tokens"
        )
        guard !right.isEmpty else {
            let alternative = names == .own ? "; an IOI prompt has io and s instead" : ""
            throw fault("\(fields.right) is missing or empty, expected the next tokens that are right\(alternative)")
        }
        if let both = right.first(where: wrong.contains) {
            throw fault("\(fields.wrong): found \(shown(both)), expected none of \(fields.right)")
        }
        let answer = try answer(or: right[0])
        var counterfactual: [Int]?
        if record.counterfactual?.isEmpty == true { throw fault("\(names.counterfactual) is empty") }
        if record.counterfactual != nil || record.counterfactualTokens != nil {
            counterfactual = try self.tokens(
                of: record.counterfactual ?? "", given: record.counterfactualTokens,
                ("counterfactual_tokens", names.counterfactual), beginning: beginning
            )
        }
        return Prompt(
            id: record.id ?? index, dataset: record.dataset ?? dataset, template: record.template ?? "custom",
            group: record.group ?? "custom", text: text, tokens: tokens, counterfactualText: record.counterfactual,
            counterfactualTokens: counterfactual, rightTokens: right, wrongTokens: wrong,
            answer: record.answer ?? reader.tokenizer?.decode([answer]) ?? "", answerToken: answer,
            positions: try positions(count: tokens.count), words: record.words
        )
    }

    private func tokenizer(for field: String) throws -> BPETokenizer {
        guard let tokenizer = reader.tokenizer else {
            throw fault("\(field) is missing, and the model has no tokenizer to derive it with")
        }
        return tokenizer
    }

    /// A token for people.
    private func shown(_ token: Int) -> String {
        reader.tokenizer.map { "\(token), \($0.decode([token]).quoted)" } ?? "\(token)"
    }

    // MARK: Tokens

    /// - Parameter fields: those of the tokens and of the text.
    private func tokens(
        of text: String,
        given: [Int]?,
        _ fields: (tokens: String, text: String),
        beginning: Bool? = nil
    ) throws -> [Int] {
        let tokens: [Int]
        if let given {
            for (index, id) in given.enumerated() { try check(id, "\(fields.tokens)[\(index)]") }
            tokens = given
        } else {
            let tokenizer = try tokenizer(for: fields.tokens)
            if text.hasSuffix(" ") {
                throw fault("\(fields.text) ends in a space, expected it to end before the space of the answer")
            }
            tokens =
                (beginning ?? reader.beginningOfText ? [try tokenizer.beginningOfText()] : []) + tokenizer.encode(text)
            if let id = tokens.first(where: { $0 >= reader.config.vocabularySize }) {
                try check(id, "\(fields.text): token \(shown(id))")
            }
        }
        let field = given == nil ? fields.text : fields.tokens
        guard (1...reader.config.contextLength).contains(tokens.count) else {
            throw fault(
                "\(field): found \(tokens.count) tokens, expected 1 to \(reader.config.contextLength), the model's context"
            )
        }
        return tokens
    }

    /// Rows of the embedding beyond the tokenizer's belong to no token.
    private func check(_ id: Int, _ field: String) throws {
        let count = reader.tokenizer?.vocabularySize ?? reader.config.vocabularySize
        guard id >= count else { return }
        let way = names == PairTable.ids ? "; \(PairTable.waysOut)" : ""
        throw fault(
            "\(field): found token id \(id), expected ids below \(count), the size of the model's "
                + "vocabulary\(way)"
        )
    }

    // MARK: Answers

    private func answers(_ answers: [PairRecord.Answer]?, ids: [Int]?, _ field: String, _ idField: String) throws
        -> [Int]
    {
        let tokens: [Int]
        if let ids {
            for (index, id) in ids.enumerated() { try check(id, "\(idField)[\(index)]") }
            if let answers { try check(ids, are: answers, field, idField) }
            tokens = ids
        } else {
            let isList = names == .own || names == .autoCircuit
            tokens = try (answers ?? []).enumerated().map { index, answer in
                try token(of: answer, isList ? "\(field)[\(index)]" : field)
            }
        }
        if let twice = tokens.firstRepeated() {
            throw fault("\(ids == nil ? field : idField): found \(shown(twice)) twice, expected it once")
        }
        return tokens
    }

    private func token(of answer: PairRecord.Answer, _ field: String) throws -> Int {
        switch answer {
        case .token(let id):
            try check(id, field)
            return id
        case .text(let text):
            let tokenizer = try tokenizer(for: "the token of \(field)")
            let tokens = tokenizer.encode(text)
            guard tokens.count == 1 else {
                let hint =
                    tokenizer.token(for: " " + text).map { _ in "; \((" " + text).quoted), with a leading space, is one"
                    }
                    ?? ""
                throw fault(
                    "\(field): found \(text.quoted) of \(tokens.count) tokens, expected exactly one token\(hint)")
            }
            try check(tokens[0], field)
            return tokens[0]
        }
    }

    /// Checks ids against the words that the file gives as well. Ids of another vocabulary do not match them.
    private func check(_ ids: [Int], are answers: [PairRecord.Answer], _ field: String, _ idField: String) throws {
        guard ids.count == answers.count else {
            throw fault("\(idField): found \(ids.count), expected \(answers.count), as many as \(field)")
        }
        for (index, (id, answer)) in zip(ids, answers).enumerated() {
            let isEqual =
                switch answer {
                case .token(let other): id == other
                case .text(let text): reader.tokenizer.map { $0.decode([id]) == text } ?? true
                }
            guard isEqual else {
                throw fault("\(idField)[\(index)]: found \(shown(id)), expected the token of \(field)[\(index)]")
            }
        }
    }

    /// The label, on which a model is trained. It may be any token, a wrong one too.
    private func answer(or first: Int) throws -> Int {
        if let given = record.answerToken {
            try check(given, "answer_token")
            return given
        }
        return try record.answer.map { try token(of: .text($0), "answer") } ?? first
    }

    // MARK: Positions

    private func positions(count: Int) throws -> Positions {
        // Without tokens they count those of the text.
        let shift = record.tokens == nil && reader.beginningOfText ? 1 : 0
        var indices: [PositionName: Int] = [:]
        for (text, given) in record.positions.sorted(by: { $0.key < $1.key }) {
            let field = "\(names.positions).\(text)"
            guard let name = PositionName(text) else {
                throw fault("\(names.positions): found \(text.quoted), expected \(PositionName.form)")
            }
            let index = given + shift
            guard (shift..<count).contains(index) else {
                throw fault(
                    "\(field): found \(given), expected 0 to \(count - 1 - shift) for \(count - shift) tokens")
            }
            if name == .end, index != count - 1 {
                throw fault("\(field): found \(given), expected \(count - 1 - shift), the last token")
            }
            indices[name] = index
        }
        return Positions(indices, count: count)
    }
}
