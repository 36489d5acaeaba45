import Testing

@testable import GPT2Kit
@testable import IOIKit

/// The one path of a planted model along which what differs between a prompt and its counterfactual goes.
struct PlantedPath: CustomTestStringConvertible, Sendable {
    /// A node, where it is, and with which of its inputs it reads what the step before it wrote: nil for an MLP.
    typealias Step = (node: Node, position: PositionName, input: Graph.HeadInput?)

    let parameters: GPT2Parameters
    let prompts: [Prompt]
    /// From the logits back.
    let steps: [Step]
    let testDescription: String

    static let all =
        PlantedNumberModel.all.map(\.path) + PlantedPronounModel.all.map(\.path)
        + PlantedColourModel.all.map(\.path)

    /// Each node with its position.
    var nodes: [Node: PositionSelection] {
        Dictionary(uniqueKeysWithValues: steps.map { ($0.node, PositionSelection.one($0.position)) })
    }

    /// The path's edges, from the logits back, as graphs name them.
    var edges: [String] {
        let receivers = steps.map { step in "\(step.node)" + (step.input.map { ".\($0)" } ?? "") }
        return zip(steps.map { "\($0.node)" } + ["input"], ["logits"] + receivers).map { "\($0)->\($1)" }
    }

    /// The names that a walk gives the classes, from the logits back.
    var names: [String] {
        steps.reduce(into: ["logits"]) { names, step in
            names.append("\(step.node.head == nil ? "MLPs" : "heads")@\(step.position) → \(names.last!)")
        }.dropFirst().map { $0 }
    }
}

extension PlantedNumberModel {
    var path: PlantedPath {
        PlantedPath(
            parameters: parameters, prompts: Self.prompts,
            steps: senders.reversed().map { ($0.sender, $0.position, $0.sender.head == nil ? nil : .v) },
            testDescription: "numbers, \(testDescription)"
        )
    }
}

extension PlantedPronounModel {
    var path: PlantedPath {
        PlantedPath(
            parameters: parameters, prompts: Self.prompts,
            steps: [(.head(carrier), .end, .v), (.mlp(readingMLP), Self.subject, nil)],
            testDescription: "pronouns, \(testDescription)"
        )
    }
}

extension PlantedColourModel {
    /// Without the binding head, which writes the same in a prompt and in its counterfactual.
    var path: PlantedPath {
        PlantedPath(
            parameters: parameters, prompts: Self.prompts,
            steps: [(.head(mover), .end, .q), (.head(asking), .end, .v)],
            testDescription: "colours, \(testDescription)"
        )
    }
}
