import Foundation

/// A sentence of a ``ChoiceTask`` up to the answer, with slots such as `[NOUN]`.
struct ChoiceSentence: Decodable {
    let name: String
    let text: String

    /// - Parameters:
    ///   - slots: the expected slots, in order.
    ///   - source: the file, for error messages.
    /// - Throws: `IOIError` if the slots differ, or a slot or the answer would not be separate tokens.
    func check(slots: [String], source: String) throws {
        let fault = "\(source): sentence \(name.quoted): "
        let found = text.matches(of: /\[[A-Z]+[0-9]*\]/).map { String($0.output) }
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
            throw IOIError(fault + "found whitespace at the end, expected it to end before the space of the answer")
        }
    }

    /// - Parameter slot: the last to fill, behind which nothing follows; nil for the whole sentence.
    func filled(with words: [String: String], through slot: String? = nil) -> String {
        let end = slot.flatMap { text.range(of: "[\($0)]")?.upperBound } ?? text.endIndex
        return words.reduce(String(text[..<end])) { $0.replacing("[\($1.key)]", with: $1.value) }
    }

    /// - Throws: `IOIError` if there is none, a name repeats or one is invalid.
    static func check(_ sentences: [ChoiceSentence], slots: [String], source: String) throws {
        guard !sentences.isEmpty else { throw IOIError("\(source): sentences: found none, expected at least one") }
        if let twice = sentences.map(\.name).firstRepeated() {
            throw IOIError("\(source): sentences: found \(twice.quoted) twice, expected each name once")
        }
        for sentence in sentences { try sentence.check(slots: slots, source: source) }
    }
}
