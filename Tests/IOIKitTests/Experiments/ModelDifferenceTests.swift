import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct ModelDifferenceTests {
    static let models = (a: try! TemporaryModel(seed: 0), b: try! TemporaryModel(seed: 1))

    static func difference(workers: Int = 2) throws -> ModelDifference {
        try ModelDifference(models.a.load(), models.b.load(), workers: Workers(count: workers))
    }

    /// As one would write it down.
    static func naive(_ a: [Float], _ b: [Float]) -> (change: Double, reference: Double, largest: Double) {
        let differences = zip(a, b).map { Double($1) - Double($0) }
        func norm(_ values: [Double]) -> Double { values.map { $0 * $0 }.reduce(0, +).squareRoot() }
        return (norm(differences), norm(a.map(Double.init)), differences.map(abs).max()!)
    }

    static func expect(_ size: ModelDifference.Size, _ a: [Float], _ b: [Float], _ name: String) {
        let (change, reference, largest) = naive(a, b)
        #expect(size.count == a.count, "\(name)")
        // Sums of doubles in another order.
        #expect(abs(size.change - change) <= 1e-12 * change, "\(name)")
        #expect(abs(size.reference - reference) <= 1e-12 * reference, "\(name)")
        #expect(size.largest == largest, "\(name)")
    }

    @Test func tensorsAreAsFarApartAsTheNaiveSumsSay() throws {
        let difference = try Self.difference()
        let (a, b) = (try Self.models.a.load().parameters, try Self.models.b.load().parameters)
        #expect(difference.tensors.map(\.name) == a.entries.map(\.name))
        for tensor in difference.tensors {
            Self.expect(tensor.size, a.values(of: tensor.name)!, b.values(of: tensor.name)!, tensor.name)
        }
        let names = a.entries.map(\.name)
        Self.expect(
            difference.total, names.flatMap { a.values(of: $0)! }, names.flatMap { b.values(of: $0)! }, "all"
        )
        #expect(!difference.isSameWeights && difference.config == .same && difference.tokenizer == .same)
    }

    @Test func partsAreTheTensorsThatBelongTogether() throws {
        let difference = try Self.difference()
        let (a, b) = (try Self.models.a.load().parameters, try Self.models.b.load().parameters)
        let d = a.config.width
        /// The values of some tensors; of q, k and v the columns that are theirs.
        func values(_ parameters: GPT2Parameters, _ names: [String], share: Int? = nil) -> [Float] {
            names.flatMap { name in
                parameters.values(of: name)!.enumerated().filter { share == nil || $0.offset % (3 * d) / d == share }
                    .map(\.element)
            }
        }
        func both(_ module: String) -> [String] { ["\(module).weight", "\(module).bias"] }
        var expected: [(Int?, ModelDifference.Component, [String], Int?)] = []
        for block in 0..<a.config.layers {
            let h = "h.\(block)"
            expected += [
                (block, .q, both("\(h).attn.c_attn"), 0), (block, .k, both("\(h).attn.c_attn"), 1),
                (block, .v, both("\(h).attn.c_attn"), 2), (block, .o, both("\(h).attn.c_proj"), nil),
                (block, .mlpIn, both("\(h).mlp.c_fc"), nil), (block, .mlpOut, both("\(h).mlp.c_proj"), nil),
                (block, .layerNorm, both("\(h).ln_1") + both("\(h).ln_2"), nil),
            ]
        }
        expected += [
            (nil, .tokenEmbedding, ["wte.weight"], nil), (nil, .positionEmbedding, ["wpe.weight"], nil),
            (nil, .finalLayerNorm, both("ln_f"), nil),
        ]
        #expect(difference.parts.count == expected.count)
        for (part, (block, component, names, share)) in zip(difference.parts, expected) {
            #expect(part.block == block && part.component == component)
            Self.expect(
                part.size, values(a, names, share: share), values(b, names, share: share), "\(block ?? -1) \(component)"
            )
        }
        // Biases and LayerNorms of a fresh model are the same in all.
        #expect(difference.parts.filter { $0.component == .layerNorm }.allSatisfy { $0.size.relative == 0 })
    }

    @Test func anyNumberOfThreadsGivesTheSame() throws {
        #expect(try Self.difference(workers: 1) == Self.difference(workers: 3))
    }

    @Test func aModelAndItsCopyAreTheSame() throws {
        let model = try Self.models.a.load()
        let difference = try ModelDifference(model, Self.models.a.load(), workers: Workers(count: 2))
        #expect(difference.isSameWeights && difference.total.relative == 0)
        #expect(difference.tensors.allSatisfy { $0.size.change == 0 && $0.size.largest == 0 })
    }

    /// A single number is enough.
    @Test func oneChangedNumberIsFoundWhereItIs() throws {
        let a = try Self.models.a.load().parameters
        let b = GPT2Parameters(copying: a, workers: Workers(count: 2))
        let index = b.entries.firstIndex { $0.name == "h.1.attn.c_attn.bias" }!
        // The first of v's numbers, which is 0 in A.
        b.views[index].base[2 * a.config.width] = 0.5
        let difference = try ModelDifference(a, b, tokenizer: .missing, workers: Workers(count: 2))
        #expect(!difference.isSameWeights && difference.total.change == 0.5 && difference.total.largest == 0.5)
        let first = try #require(difference.mostChanged.first)
        #expect(first.name == "h.1.attn.c_attn.bias" && first.size.relative == nil)
        #expect(difference.tensors.count { $0.size.change > 0 } == 1)
        let parts = difference.parts.filter { $0.size.change > 0 }
        #expect(parts.map(\.component) == [.v] && parts[0].block == 1)
        let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(difference)) as? [String: Any]
        let tensors = try #require(json?["tensors"] as? [[String: Any]])
        #expect(tensors[index]["relative"] is NSNull && tensors[0]["relative"] as? Double == 0)
    }

    @Test func theMostChangedComeFirst() throws {
        let shares = try Self.difference().mostChanged.map { $0.size.relative ?? .infinity }
        #expect(shares == shares.sorted(by: >) && shares.first! > 1 && shares.last! == 0)
    }

    @Test func anotherConfigIsSeenAndAnotherShapeRefused() throws {
        let workers = Workers(count: 2)
        func parameters(context: Int = 8, layers: Int = 1, epsilon: Float = 1e-5) throws -> GPT2Parameters {
            try GPT2Parameters(
                zeros: GPT2Config(
                    vocabularySize: 11, contextLength: context, width: 4, layers: layers, heads: 2,
                    layerNormEpsilon: epsilon
                )
            )
        }
        let a = try parameters()
        let other = try ModelDifference(a, parameters(epsilon: 1e-6), tokenizer: .same, workers: workers)
        #expect(other.config == .different && other.isSameWeights)
        let layers = ioiError { _ = try ModelDifference(a, parameters(layers: 2), tokenizer: .same, workers: workers) }
        #expect(layers?.description == "the donor's n_layer: found 2, expected the model's 1")
        let context = ioiError {
            _ = try ModelDifference(a, parameters(context: 9), tokenizer: .same, workers: workers)
        }
        #expect(context?.description == "the donor's n_positions: found 9, expected the model's 8")
    }
}
