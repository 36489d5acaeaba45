/// What happens to prompts of a file whose answers or positions are in doubt.
public enum IrregularPrompts: String, CaseIterable, Codable, Sendable {
    /// They are an error.
    case refuse
    /// They are used and listed: ``TaskDataset/irregular``.
    case warn

    /// The prompts that are irregular, with their places.
    ///
    /// - Throws: `IOIError` naming the first of them and how many there are, if they are refused.
    func check(_ found: [(source: String, problem: String)], of count: Int) throws -> [String] {
        guard self == .refuse, let first = found.first else { return found.map { "\($0.source): \($0.problem)" } }
        let others = found.count == 1 ? "" : "; \(found.count) of \(count) prompts are irregular"
        throw IOIError("\(first.source): \(first.problem)\(others); irregular: warn takes them as they are")
    }
}

extension Prompt {
    /// What puts the answer of a prompt from a file in doubt; nil if nothing does.
    ///
    /// - Parameters:
    ///   - field: the name of its text in the file.
    ///   - isGivenTokens: whether the file has its tokens.
    func irregularity(text field: String, isGivenTokens: Bool) -> String? {
        if !isGivenTokens, text.hasPrefix("<|endoftext|>") {
            return
                "\(field): begins with <|endoftext|>, which is read letter by letter; expected the text alone, before "
                + "which bos puts the token"
        }
        if tokens[tokens.count - 1] == answerToken || rightTokens.contains(tokens[tokens.count - 1]) {
            return "\(field): ends in its answer \(answer.quoted), expected it to end before the space of the answer"
        }
        return nil
    }
}

extension IOIPrompt {
    /// What puts the answer or the positions of a prompt from a file in doubt; nil if nothing does.
    ///
    /// - Parameters:
    ///   - isGivenTokens: whether the file has its tokens.
    ///   - tokenizer: knows a name at the beginning of a text, which has no space before it.
    func irregularity(isGivenTokens: Bool, _ tokenizer: BPETokenizer?) -> String? {
        if let problem = Prompt(self).irregularity(text: "text", isGivenTokens: isGivenTokens) { return problem }
        for (field, name, token, most) in [("io", io, ioToken, 1), ("s", s, sToken, 2)] {
            let bare = tokenizer?.token(for: String(name.drop { $0 == " " }))
            let count = tokens.count { $0 == token || $0 == bare }
            guard count > most else { continue }
            return
                "\(field): found \(name.quoted) \(count) times in the prompt, expected \(most == 1 ? "once" : "twice"), so "
                + "that its positions are certain"
        }
        return nil
    }
}
