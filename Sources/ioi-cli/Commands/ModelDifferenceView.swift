import Foundation
import IOIKit

extension ModelDifference {
    /// The number of tensors in the text.
    private static let shown = 12

    /// Whether anything changed, where, and the tensors that changed most.
    ///
    /// - Parameters: what the user calls the models.
    func printout(a: String, b: String) -> Printout {
        let sizes = vocabularySizes.map { ["vocabularies of \($0[0]) and \($0[1]), compared as far as both go"] } ?? []
        let summary = ([Self.say(config, "config"), Self.say(tokenizer, "tokenizer")] + sizes).joined(separator: ", ")
        guard !isSameWeights else { return Printout("the same weights: all \(total.count) numbers; \(summary)") }
        let header = [
            "all \(total.count) weights: ‖ΔW‖ \(short(total.change)), \(share(total)) of ‖W_A‖, largest |Δ| "
                + short(total.largest), summary,
        ]
        let next = ["next: ioi patch --mode cross-model --component z --model \(a) --donor \(b)"]
        return Printout(blocks: [[.lines(header)], blockParts, tensorParts, [.lines(next)]])
    }

    /// The change of each part of each block as a share of it.
    func chart(from a: String, to b: String) -> MapChart {
        let blocks = (parts.compactMap(\.block).max() ?? -1) + 1
        let values: [[Double?]] = (0..<blocks).map { block in
            Self.inBlock.map { component in
                parts.first { $0.block == block && $0.component == component }.flatMap(\.size.relative).map { 100 * $0 }
            }
        }
        let map = Heatmap(title: "", columns: .named(Self.columns), values: values)
        return MapChart(
            title: "‖ΔW‖ / ‖W‖ from \(a) to \(b)", values: values, columns: Self.columns, decimals: map.decimals,
            yLabel: "block")
    }

    private static let inBlock: [Component] = [.q, .k, .v, .o, .mlpIn, .mlpOut, .layerNorm]
    private static let columns = ["q", "k", "v", "o", "MLP in", "MLP out", "LayerNorm"]

    private static func say(_ likeness: Likeness, _ thing: String) -> String {
        switch likeness {
        case .same: "the same \(thing)"
        case .different: "another \(thing)"
        case .missing: "no \(thing) to compare"
        }
    }

    /// The change of each part as a share of it.
    private var blockParts: [Printout.Part] {
        let blocks = Dictionary(grouping: parts) { $0.block }
        var table = TextTable(header: ["‖ΔW‖ / ‖W_A‖"] + Self.columns)
        for (block, parts) in blocks.compactMap({ block, parts in block.map { ($0, parts) } }).sorted(by: {
            $0.0 < $1.0
        }) {
            table.rows.append(
                ["block \(block)"]
                    + Self.inBlock.map { component in
                        parts.first { $0.component == component }.map { share($0.size) } ?? ""
                    }
            )
        }
        let names: [Component: String] = [
            .tokenEmbedding: "token embedding", .positionEmbedding: "position embedding",
            .finalLayerNorm: "final LayerNorm",
        ]
        let others = (blocks[nil] ?? []).map { "\(names[$0.component] ?? "") \(share($0.size))" }
        return [.table(table), .lines([others.joined(separator: ", ")])]
    }

    private var tensorParts: [Printout.Part] {
        var table = TextTable(header: ["most changed", "shape", "‖ΔW‖", "of ‖W_A‖", "largest |Δ|"])
        let first = mostChanged.prefix(Self.shown)
        table.rows = first.map { tensor in
            [
                tensor.name, tensor.shape.map(String.init).joined(separator: " × "), short(tensor.size.change),
                share(tensor.size), short(tensor.size.largest),
            ]
        }
        let rest = tensors.count - first.count
        return [.table(table)] + (rest > 0 ? [.lines(["and \(rest) tensors more, which --format csv has"])] : [])
    }

    /// A line for the whole, for each part and for each tensor, the latter in the checkpoint's order.
    var csv: String {
        func line(_ kind: String, block: Int?, _ name: String, _ size: Size) -> String {
            let numbers = [size.change, size.reference].map { "\($0)" }
            let rest = [size.relative.map { "\($0)" } ?? "", "\(size.largest)"]
            return ([kind, block.map { "\($0)" } ?? "", name, "\(size.count)"] + numbers + rest).joined(separator: ",")
        }
        let lines =
            [line("total", block: nil, "all", total)]
            + parts.map { line("component", block: $0.block, $0.component.rawValue, $0.size) }
            + tensors.map { line("tensor", block: nil, $0.name, $0.size) }
        return csvTable("kind,block,name,count,change,reference,relative,largest", lines)
    }
}

/// Three digits, however small the number is.
private func short(_ value: Double) -> String {
    let text = String(format: "%#.3g", value)
    return text.hasSuffix(".") ? String(text.dropLast()) : text
}

/// A change as a share of what it changes.
private func share(_ size: ModelDifference.Size) -> String {
    size.relative.map { "\(short(100 * $0)) %" } ?? "from 0"
}
