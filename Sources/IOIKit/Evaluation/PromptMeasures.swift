import Foundation

/// What a model makes of one prompt at END.
public struct PromptMeasures: Codable, Equatable, Sendable {
    public let id: Int
    public let template: String
    public let order: String
    /// logit(IO) − logit(S).
    public let logitDifference: Double
    public let ioProbability: Double
    /// The rank of IO among all tokens, from 1.
    public let ioRank: Int
    /// Cross-entropy of the label, in nats.
    public let loss: Double

    enum CodingKeys: String, CodingKey {
        case id, template, order
        case logitDifference = "logit_difference"
        case ioProbability = "io_probability"
        case ioRank = "io_rank"
        case loss
    }

    /// - Parameter logits: [vocabulary], at END.
    init(_ prompt: Prompt, logits: UnsafeBufferPointer<Float>) {
        let largest = logits.max() ?? 0
        let total = logits.reduce(0.0) { $0 + Foundation.exp(Double($1 - largest)) }
        let io = logits[prompt.ioToken]
        id = prompt.id
        template = prompt.template
        order = prompt.order.rawValue
        logitDifference = Double(io) - Double(logits[prompt.sToken])
        ioProbability = Foundation.exp(Double(io - largest)) / total
        ioRank = 1 + logits.count { $0 > io }
        loss = Foundation.log(total) - Double(logits[prompt.answerToken] - largest)
    }
}
