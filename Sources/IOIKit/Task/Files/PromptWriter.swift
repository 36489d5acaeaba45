import Foundation

/// Writes prompts as JSON Lines: one compact object per line with keys in a fixed order, so that equal prompts give equal
/// bytes on every machine. (`JSONEncoder` guarantees only alphabetical order.)
struct PromptWriter {
    private var bytes: [UInt8] = []
    private var isFirstKey = true
    /// The texts of tokens, which prompts share.
    private var literals: [Int: Data] = [:]

    static func jsonLines(_ prompts: [IOIPrompt]) -> Data {
        var writer = PromptWriter()
        writer.bytes.reserveCapacity(prompts.count * 800)
        for prompt in prompts { writer.line(prompt) }
        return Data(writer.bytes)
    }

    /// - Parameter tokenizer: says what the right and wrong tokens are; nil to write their ids alone.
    static func jsonLines(_ prompts: [Prompt], tokenizer: BPETokenizer? = nil) -> Data {
        var writer = PromptWriter()
        for prompt in prompts { writer.line(prompt, tokenizer) }
        return Data(writer.bytes)
    }

    /// AutoCircuit's JSON, one prompt a line.
    ///
    /// - Parameters:
    ///   - positions: those of all prompts; nil to write none. In the file they count the tokens of the texts.
    ///   - texts: makes the texts.
    static func autoCircuit(_ prompts: [Prompt], positions: Positions?, _ texts: PairTexts) throws -> Data {
        var writer = PromptWriter()
        let pairs = try texts.pairs(prompts)
        writer.put("{")
        if let positions {
            let shift = pairs[0].beginsText ? 1 : 0
            if let first = positions.inOrder.first, first.index < shift {
                throw IOIError(
                    "prompt \(prompts[0].id): positions.\(first.name.text): found <|endoftext|> there, expected a token of the "
                        + "text, because the file holds texts only"
                )
            }
            writer.field("word_idxs", positions.inOrder.map { ($0.name.text, $0.index - shift) })
            writer.put(",")
        }
        writer.isFirstKey = true
        writer.key("prompts")
        writer.put("[")
        for (index, pair) in pairs.enumerated() {
            writer.put(index == 0 ? "\n{" : ",\n{")
            writer.isFirstKey = true
            writer.field("clean", pair.text)
            writer.field("corrupt", pair.counterfactual)
            writer.field("answers", pair.right)
            writer.field("wrong_answers", pair.wrong)
            writer.put("}")
        }
        writer.put("\n]}\n")
        return Data(writer.bytes)
    }

    private mutating func line(_ prompt: Prompt, _ tokenizer: BPETokenizer?) {
        isFirstKey = true
        put("{")
        field("id", prompt.id)
        field("dataset", prompt.dataset)
        field("template", prompt.template)
        field("group", prompt.group)
        field("text", prompt.text)
        if !prompt.words.isEmpty {
            key("words")
            isFirstKey = true
            put("{")
            for (slot, word) in prompt.words.sorted(by: { $0.key < $1.key }) { field(slot, word) }
            put("}")
        }
        field("tokens", prompt.tokens)
        field("answer", prompt.answer)
        field("answer_token", prompt.answerToken)
        if let tokenizer {
            field("right", words: prompt.rightTokens, tokenizer)
            field("wrong", words: prompt.wrongTokens, tokenizer)
        }
        field("right_tokens", prompt.rightTokens)
        field("wrong_tokens", prompt.wrongTokens)
        field("positions", prompt.positions.inOrder.map { ($0.name.text, $0.index) })
        field("counterfactual", prompt.counterfactualText)
        field("counterfactual_tokens", prompt.counterfactualTokens)
        put("}\n")
    }

    private mutating func line(_ prompt: IOIPrompt) {
        isFirstKey = true
        put("{")
        field("id", prompt.id)
        field("dataset", prompt.dataset)
        field("template", prompt.template)
        field("order", prompt.order.rawValue)
        field("text", prompt.text)
        field("tokens", prompt.tokens)
        field("answer", prompt.answer)
        field("answer_token", prompt.answerToken)
        field("io", prompt.io)
        field("io_token", prompt.ioToken)
        field("s", prompt.s)
        field("s_token", prompt.sToken)
        field("place", prompt.place)
        field("object", prompt.object)
        field("positions", PositionName.ioi.map { ($0.text, prompt.positions[$0]!) })
        field("abc_text", prompt.abcText)
        field("abc_tokens", prompt.abcTokens)
        put("}\n")
    }

    private mutating func field(_ name: String, _ values: [(name: String, value: Int)]) {
        key(name)
        isFirstKey = true
        put("{")
        for (name, value) in values { field(name, value) }
        put("}")
    }

    private mutating func field(_ name: String, words tokens: [Int], _ tokenizer: BPETokenizer) {
        key(name)
        put("[")
        for (index, token) in tokens.enumerated() {
            if index > 0 { put(",") }
            let literal = literals[token] ?? tokenizer.decode([token]).jsonLiteral
            literals[token] = literal
            bytes.append(contentsOf: literal)
        }
        put("]")
    }

    private mutating func field(_ name: String, _ values: [String]) {
        key(name)
        put("[")
        for (index, text) in values.enumerated() {
            if index > 0 { put(",") }
            quoted(text)
        }
        put("]")
    }

    private mutating func field(_ name: String, _ value: Int) {
        key(name)
        put(String(value))
    }

    private mutating func field(_ name: String, _ value: [Int]?) {
        guard let value else { return }
        key(name)
        put("[")
        for (index, number) in value.enumerated() {
            if index > 0 { put(",") }
            put(String(number))
        }
        put("]")
    }

    private mutating func field(_ name: String, _ value: String?) {
        guard let value else { return }
        key(name)
        quoted(value)
    }

    private mutating func key(_ name: String) {
        if !isFirstKey { put(",") }
        isFirstKey = false
        quoted(name)
        put(":")
    }

    private mutating func put(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func quoted(_ text: String) {
        bytes.append(contentsOf: text.jsonLiteral)
    }
}
