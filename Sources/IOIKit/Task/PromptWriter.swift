import Foundation

/// Writes prompts as JSON Lines: one compact object per line with keys in a fixed order, so that equal prompts give equal
/// bytes on every machine. (`JSONEncoder` guarantees only alphabetical order.)
struct PromptWriter {
    private var bytes: [UInt8] = []
    private var isFirstKey = true

    static func jsonLines(_ prompts: [IOIPrompt]) -> Data {
        var writer = PromptWriter()
        writer.bytes.reserveCapacity(prompts.count * 800)
        for prompt in prompts { writer.line(prompt) }
        return Data(writer.bytes)
    }

    static func jsonLines(_ prompts: [Prompt]) -> Data {
        var writer = PromptWriter()
        for prompt in prompts { writer.line(prompt) }
        return Data(writer.bytes)
    }

    private mutating func line(_ prompt: Prompt) {
        isFirstKey = true
        put("{")
        field("id", prompt.id)
        field("dataset", prompt.dataset)
        field("template", prompt.template)
        field("group", prompt.group)
        field("text", prompt.text)
        key("words")
        isFirstKey = true
        put("{")
        for (slot, word) in prompt.words.sorted(by: { $0.key < $1.key }) { field(slot, word) }
        put("}")
        field("tokens", prompt.tokens)
        field("answer", prompt.answer)
        field("answer_token", prompt.answerToken)
        field("right_tokens", prompt.rightTokens)
        field("wrong_tokens", prompt.wrongTokens)
        field(prompt.positions.inOrder)
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
        field(PositionName.ioi.map { ($0, prompt.positions[$0]!) })
        field("abc_text", prompt.abcText)
        field("abc_tokens", prompt.abcTokens)
        put("}\n")
    }

    private mutating func field(_ positions: [(name: PositionName, index: Int)]) {
        key("positions")
        isFirstKey = true
        put("{")
        for (name, index) in positions { field(name.text, index) }
        put("}")
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
