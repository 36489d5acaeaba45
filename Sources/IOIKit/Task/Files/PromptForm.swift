import Foundation

/// A form of file in which prompts are written.
public enum PromptForm: String, CaseIterable, Sendable {
    /// JSON lines: all that is known of the prompts.
    case lines = "jsonl"
    /// AutoCircuit's JSON: texts, answers and, if all prompts share them, positions.
    case autoCircuit = "json"
    /// EAP-IG's tables: texts and answers.
    case table = "csv"

    /// - Parameter path: of a file whose extension tells the form; JSON lines without one.
    /// - Throws: `IOIError` of the field `out` for any other extension.
    public init(path: String) throws {
        let name = URL(fileURLWithPath: path).lastPathComponent
        let ending = URL(fileURLWithPath: path).pathExtension.lowercased()
        guard let form = ending.isEmpty ? .lines : PromptForm(rawValue: ending) else {
            let forms = Self.allCases.map { ".\($0.rawValue)" }.joined(separator: ", ")
            throw IOIError.invalid("out", "found \(name.quoted), expected a name that ends in one of \(forms)")
        }
        self = form
    }
}

extension TaskDataset {
    /// What a file in a form does not hold of the prompts.
    public func losses(in form: PromptForm) -> [String] {
        guard form != .lines else { return [] }
        let hasPositions = form == .autoCircuit && sharedPositions != nil
        // Read again, a prompt's label is its first right answer.
        let hasLabels = prompts.allSatisfy { $0.answerToken == $0.rightTokens[0] }
        return ["templates", "groups"] + (hasPositions ? [] : ["positions"]) + (hasLabels ? [] : ["labels"])
    }

    private var sharedPositions: Positions? {
        let positions = prompts.first?.positions
        return prompts.allSatisfy { $0.positions == positions } ? positions : nil
    }

    /// The prompts in a form, which ``PromptSource/file`` reads.
    ///
    /// - Parameters:
    ///   - form: the form.
    ///   - tokenizer: the tokenizer of the prompts.
    /// - Throws: `IOIError` naming the prompt that the form cannot hold.
    public func contents(as form: PromptForm, tokenizer: BPETokenizer) throws -> Data {
        switch form {
        case .lines:
            ioi.map { PromptWriter.jsonLines($0.prompts) } ?? PromptWriter.jsonLines(prompts, tokenizer: tokenizer)
        case .autoCircuit:
            try PromptWriter.autoCircuit(prompts, positions: sharedPositions, PairTexts(tokenizer: tokenizer))
        case .table: Data(try PairTable.text(prompts, PairTexts(tokenizer: tokenizer)).utf8)
        }
    }
}
