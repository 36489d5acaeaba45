import Foundation

/// What a model makes of one prompt of a ``ChoiceTask`` at its end.
public struct ChoiceMeasures: Codable, Equatable, Sendable {
    public let id: Int
    public let template: String
    public let group: String
    /// Σ P(right tokens) − Σ P(wrong tokens): Greater-Than's measure (Hanna, Liu & Variengien 2023, section 2).
    public let probabilityDifference: Double
    /// Cross-entropy of the label, in nats.
    public let loss: Double

    enum CodingKeys: String, CodingKey {
        case id, template, group
        case probabilityDifference = "probability_difference"
        case loss
    }

    /// - Parameter logits: [vocabulary], at the end of the prompt.
    init(_ prompt: ChoicePrompt, logits: UnsafeBufferPointer<Float>) {
        let largest = logits.max() ?? 0
        let total = logits.reduce(0.0) { $0 + Foundation.exp(Double($1 - largest)) }
        func probability(_ tokens: [Int]) -> Double {
            tokens.reduce(0.0) { $0 + Foundation.exp(Double(logits[$1] - largest)) } / total
        }
        id = prompt.id
        template = prompt.template
        group = prompt.group
        probabilityDifference = probability(prompt.rightTokens) - probability(prompt.wrongTokens)
        loss = Foundation.log(total) - Double(logits[prompt.answerToken] - largest)
    }
}
