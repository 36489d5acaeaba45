import Foundation

/// Makes a prompt from a line of a prompts file: checks the fields present and derives the others.
struct PromptDerivation {
    let reader: PromptReader
    let record: PromptRecord
    /// The index of the line.
    let index: Int
    /// The tokens to draw the names of counterfactuals from; empty without a list of names.
    let nameTokens: [Int]

    /// A person named in the prompt.
    private struct Name {
        let text: String
        let token: Int
    }

    private func fault(_ problem: String) -> IOIError {
        IOIError("\(record.source): \(problem)")
    }

    func prompt() throws -> IOIPrompt {
        let text = try require(record.text, "text")
        let ioText = spaced(try require(record.io, "io"))
        let sText = spaced(try require(record.s, "s"))
        guard ioText != sText else {
            throw fault("fields \"io\" and \"s\": found \"\(ioText)\" in both, expected two different names")
        }

        let tokens = try record.tokens?.map(\.value) ?? derivedTokens(text)
        try check(tokens, "tokens")
        let stated = try statedPositions(length: tokens.count)
        let io = try name(ioText, "io", stated: record.ioToken?.value, at: stated?.io, in: tokens)
        let s = try name(sText, "s", stated: record.sToken?.value, at: stated?.s1, in: tokens)
        let positions = try stated ?? foundPositions(io: io, s: s, in: tokens)
        try check(io, "io", at: positions.io, in: tokens)
        try check(s, "s", at: positions.s1, in: tokens)

        let order = try order(positions)
        let answer = try answer(io: io, s: s)
        let (abcText, abcTokens) = try counterfactual(tokens: tokens, positions: positions)
        return IOIPrompt(
            id: record.id?.value ?? index, dataset: record.dataset ?? "custom",
            template: record.template?.text ?? "custom",
            order: order, text: text, tokens: tokens, answer: answer.text, answerToken: answer.token, io: io.text,
            ioToken: io.token, s: s.text, sToken: s.token, place: record.place, object: record.object,
            positions: positions, abcText: abcText, abcTokens: abcTokens
        )
    }

    private func require(_ value: String?, _ field: String) throws -> String {
        guard let value else { throw fault("\(field) is missing, expected a string") }
        guard !value.isEmpty else { throw fault("\(field) is empty") }
        return value
    }

    private func spaced(_ name: String) -> String {
        name.hasPrefix(" ") ? name : " " + name
    }

    private func requireTokenizer(for field: String) throws -> BPETokenizer {
        guard let tokenizer = reader.tokenizer else {
            throw fault("\(field) is missing, and the model has no tokenizer to derive it with")
        }
        return tokenizer
    }

    // MARK: Tokens

    private func derivedTokens(_ text: String) throws -> [Int] {
        let tokenizer = try requireTokenizer(for: "tokens")
        if let last = text.last, last.isWhitespace {
            throw fault("text ends in whitespace, expected it to end before the space of the answer")
        }
        return try encode(text, by: tokenizer, beginning: reader.beginningOfText)
    }

    private func encode(_ text: String, by tokenizer: BPETokenizer, beginning isBeginning: Bool) throws -> [Int] {
        let beginning = isBeginning ? [try tokenizer.beginningOfText()] : []
        return beginning + tokenizer.encode(text)
    }

    private func check(_ tokens: [Int], _ field: String) throws {
        guard !tokens.isEmpty else { throw fault("\(field) is an empty list, expected token ids") }
        if let index = tokens.firstIndex(where: { !isToken($0) }) {
            try check(tokens[index], "\(field)[\(index)]")
        }
        if let context = reader.contextLength, tokens.count > context {
            throw fault(
                "\(field): found \(tokens.count) tokens, "
                    + "expected at most the model's context of \(context)"
            )
        }
    }

    private func isToken(_ token: Int) -> Bool {
        token >= 0 && token < reader.vocabularySize ?? .max
    }

    private func check(_ token: Int, _ field: String) throws {
        guard isToken(token) else {
            let expected = reader.vocabularySize.map { "0 to \($0 - 1)" } ?? "0 or more"
            throw fault("\(field): found token id \(token), expected \(expected)")
        }
    }

    // MARK: Names and positions

    /// A name and its token: the token given in the line, else by the tokenizer, else the token at its position.
    private func name(
        _ text: String,
        _ field: String,
        stated: Int?,
        at position: Int?,
        in tokens: [Int]
    ) throws -> Name {
        if let stated {
            try check(stated, "\(field)_token")
            return Name(text: text, token: stated)
        }
        guard let tokenizer = reader.tokenizer else {
            if let position { return Name(text: text, token: tokens[position]) }
            throw fault("\(field)_token is missing, and the model has no tokenizer to derive it with")
        }
        guard let token = tokenizer.token(for: text) else {
            let count = tokenizer.encode(text).count
            throw fault("\(field): found \"\(text)\" of \(count) tokens, expected a name of one token")
        }
        return Name(text: text, token: token)
    }

    private func check(_ name: Name, _ field: String, at position: Int, in tokens: [Int]) throws {
        guard tokens[position] == name.token else {
            let key = field == "io" ? PositionName.io : PositionName.s1
            throw fault(
                "positions.\(key.text): found token \(tokens[position]) at \(position), "
                    + "expected \"\(name.text)\", which is \(name.token)"
            )
        }
    }

    /// The positions given in the line, if any. S1+1 and END may be left out.
    private func statedPositions(length: Int) throws -> Positions? {
        guard let stated = record.positions else { return nil }
        func position(_ value: WholeNumber?, _ key: PositionName, default derived: Int? = nil) throws -> Int {
            guard let value = value?.value ?? derived else {
                throw fault("positions.\(key.text) is missing, expected a position")
            }
            guard (0..<length).contains(value) else {
                throw fault(
                    "positions.\(key.text): found \(value), expected 0 to \(length - 1) "
                        + "for \(length) tokens"
                )
            }
            return value
        }
        let s1 = try position(stated.s1, .s1)
        let positions = Positions(
            io: try position(stated.io, .io), s1: s1, s1Next: try position(stated.s1Next, .s1Next, default: s1 + 1),
            s2: try position(stated.s2, .s2), end: try position(stated.end, .end, default: length - 1)
        )
        for (key, found, expected) in [
            (PositionName.s1Next, positions.s1Next, s1 + 1), (.end, positions.end, length - 1),
        ] where found != expected {
            throw fault("positions.\(key.text): found \(found), expected \(expected)")
        }
        guard positions.s2 > s1, positions.io != s1, positions.io != positions.s2 else {
            throw fault(
                "positions: found IO \(positions.io), S1 \(s1), S2 \(positions.s2), "
                    + "expected three different positions, S1 before S2"
            )
        }
        return positions
    }

    private func foundPositions(io: Name, s: Name, in tokens: [Int]) throws -> Positions {
        guard let ioPosition = tokens.firstIndex(of: io.token) else {
            throw fault("io: \"\(io.text)\" is not a token of the prompt, expected it once, after a space")
        }
        let subjects = tokens.indices.filter { tokens[$0] == s.token }
        guard subjects.count >= 2 else {
            throw fault(
                "s: found \"\(s.text)\" \(subjects.count) times among the tokens of the prompt, expected it twice, after a space"
            )
        }
        return Positions(
            io: ioPosition, s1: subjects[0], s1Next: subjects[0] + 1, s2: subjects[1], end: tokens.count - 1
        )
    }

    private func order(_ positions: Positions) throws -> NameOrder {
        let found: NameOrder = positions.io < positions.s1 ? .abba : .baba
        if let stated = record.order, stated != found.rawValue {
            throw fault("order: found \"\(stated)\", expected \"\(found.rawValue)\" by the positions")
        }
        return found
    }

    // MARK: Answer and counterfactual

    private func answer(io: Name, s: Name) throws -> Name {
        let text = record.answer.map(spaced) ?? io.text
        let known = [io, s].first { $0.text == text }
        if let stated = record.answerToken?.value {
            try check(stated, "answer_token")
            if let known, known.token != stated {
                throw fault(
                    "answer_token: found \(stated), expected \(known.token), "
                        + "the token of \"\(text)\""
                )
            }
            return Name(text: text, token: stated)
        }
        if let known { return known }
        let tokenizer = try requireTokenizer(for: "answer_token")
        guard let token = tokenizer.token(for: text) else {
            let count = tokenizer.encode(text).count
            throw fault("answer: found \"\(text)\" of \(count) tokens, expected one token")
        }
        return Name(text: text, token: token)
    }

    private func counterfactual(
        tokens: [Int],
        positions: Positions
    ) throws -> (text: String?, tokens: [Int]?) {
        var abcTokens = record.abcTokens?.map(\.value)
        if abcTokens == nil, let text = record.abcText, let tokenizer = reader.tokenizer {
            // It begins as the prompt does.
            let beginning = record.tokens == nil ? reader.beginningOfText : tokens[0] == tokenizer.endOfText
            abcTokens = try encode(text, by: tokenizer, beginning: beginning)
        }
        if let abcTokens {
            try check(abcTokens, "abc_tokens")
            return (record.abcText, abcTokens)
        }
        guard record.abcText == nil, !nameTokens.isEmpty || !reader.counterfactual.drawsNames else {
            return (record.abcText, nil)
        }
        var generator = SeededGenerator(0, reader.counterfactual.rawValue, index)
        let drawn = try reader.counterfactual.tokens(
            from: tokens, positions: positions, names: nameTokens, using: &generator
        )
        let text = reader.tokenizer.map { tokenizer in
            tokenizer.decode(drawn.first == tokenizer.endOfText ? Array(drawn.dropFirst()) : drawn)
        }
        return (text, drawn)
    }
}
