import Foundation

/// A sentence of a ``ChoiceTask`` up to the answer, with slots such as `[NOUN]`.
struct ChoiceSentence: Decodable {
    let name: String
    let text: String

    /// - Parameters:
    ///   - slots: those it has to have, in their order.
    ///   - source: the file, for messages.
    /// - Throws: ``IOIError`` for a sentence with other slots, or where a slot or the answer would not be tokens of its
    ///   own.
    func check(slots: [String], source: String) throws {
        let fault = "\(source): sentence \(name.quoted): "
        let found = text.matches(of: /\[[A-Z]+\]/).map { String($0.output) }
        let expected = slots.map { "[\($0)]" }
        guard found == expected else {
            let slots = found.isEmpty ? "none" : found.joined(separator: " ")
            throw IOIError(fault + "found slots \(slots), expected \(expected.joined(separator: " "))")
        }
        for slot in expected {
            let parts = text.split(separator: slot, omittingEmptySubsequences: false)
            let next = parts[1].first
            guard parts[0].last == " ", next.map({ !$0.isLetter && !$0.isNumber }) ?? true else {
                throw IOIError(
                    fault + "found \(text.quoted), expected a space before \(slot) and no letter or digit after it")
            }
        }
        guard text.last?.isWhitespace == false else {
            throw IOIError(fault + "found white space at the end, expected the answer's space to be the answer's own")
        }
    }

    func filled(with words: [String: String]) -> String {
        words.reduce(text) { $0.replacing("[\($1.key)]", with: $1.value) }
    }

    /// - Throws: ``IOIError`` where there is none, a name stands twice, or one is not as it has to be.
    static func check(_ sentences: [ChoiceSentence], slots: [String], source: String) throws {
        guard !sentences.isEmpty else { throw IOIError("\(source): sentences: found none, expected at least one") }
        if let twice = sentences.map(\.name).firstRepeated() {
            throw IOIError("\(source): sentences: found \(twice.quoted) twice, expected each name once")
        }
        for sentence in sentences { try sentence.check(slots: slots, source: source) }
    }
}
