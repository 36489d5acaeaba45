import Foundation
import Testing

@testable import GPT2Kit
@testable import IOIKit

@Suite struct BenchmarkTests {
    static let config = try! GPT2Config(
        vocabularySize: 61, contextLength: 16, width: 24, layers: 3, heads: 3, innerWidth: 40
    )
    let arithmetic = Arithmetic(config)

    /// The operations that some matrices of a layer take for one row: two for each weight.
    func operations(_ layer: Int, _ names: [String] = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"])
        -> Double
    {
        let entries = GPT2Parameters.entries(of: Self.config)
        return names.reduce(0) { sum, name in
            sum + 2 * Double(entries.first { $0.name == "h.\(layer).\(name).weight" }!.count)
        }
    }

    @Test func aForwardPassTakesTwoOperationsForEachWeightAndRow() {
        let blocks = (0..<3).reduce(0) { $0 + operations($1) }
        #expect(arithmetic.forward(rows: 7, queries: 7) == 7 * blocks)
        // In the last block, 5 of 7 rows have keys and values alone.
        let unused = operations(2) - operations(2, ["attn.c_attn"]) * 2 / 3
        #expect(arithmetic.forward(rows: 7, queries: 2) == 7 * blocks - 5 * unused)
        #expect(arithmetic.unembedding(rows: 5) == 2 * 5 * 61 * 24)
    }

    @Test func sweepsTakeWhatEachPatchedRunChanges() {
        let mlp = ["mlp.c_fc", "mlp.c_proj"]
        var (paths, z, patterns) = (0.0, 0.0, 0.0)
        for layer in 0..<3 {
            for _ in 0..<3 {
                paths += operations(layer, ["attn.c_proj"]) + (layer..<3).reduce(0) { $0 + operations($1, mlp) }
                z += operations(layer, ["attn.c_proj"] + mlp) + (layer + 1..<3).reduce(0) { $0 + operations($1) }
            }
            // Of six tokens all but the first change; the last layer has queries at END alone.
            for token in 1..<6 {
                for above in layer..<3 {
                    let isEnd = token == 5
                    let after = above < 2 || isEnd ? operations(above, ["attn.c_proj"] + mlp) : 0
                    let inputs = operations(above, ["attn.c_attn"])
                    patterns += after + (above == layer ? 0 : above < 2 || isEnd ? inputs : inputs * 2 / 3)
                }
            }
        }
        #expect(arithmetic.pathsToLogits == paths)
        #expect(arithmetic.zAtEnd == z)
        #expect(arithmetic.patterns(length: 6) == patterns)
        #expect(arithmetic.patterns(length: 1) == 0)
    }

    @Test func everyPieceIsTimedAndTheLineTellsIt() throws {
        var timings = Timings(config: Self.config, batch: 3, length: 5, workers: Workers(count: 2))
        timings.leastSeconds = 0
        var shown: [Timing] = []
        let measured = try timings.measure { shown.append($0) }
        #expect(measured == shown)
        #expect(Set(measured.map(\.name)).count == measured.count)
        #expect(measured.allSatisfy { $0.seconds > 0 && $0.kind != nil })
        let products = measured.filter { $0.kind == .product }
        let backends = Backend.allCases.filter(\.isAvailable)
        // The products inside attention are in single precision alone.
        let others = backends.flatMap { backend in
            [Precision.bf16x3, .bf16].filter { $0.isAvailable(with: backend) }
        }
        #expect(products.count == 11 * backends.count + 9 * others.count)
        #expect(Set(products.map(\.backend)) == Set(backends.map { "\($0)" }))
        let peak = products.filter { $0.precision == .fp32 }.compactMap(\.gigaflops).max()!
        for timing in measured where timing.kind != .product {
            #expect((timing.gigaflops == nil) == (timing.shareOfPeak == nil))
            if let (found, share) = timing.gigaflops.flatMap({ found in timing.shareOfPeak.map { (found, $0) } }) {
                #expect(abs(share - found / peak) < 1e-9)
            }
        }
        let commands = measured.filter { $0.kind == .command }
        #expect(commands.count == 5 && commands.allSatisfy { $0.gigaflops != nil && $0.promptsPerSecond != nil })

        let line = BenchmarkSummary(
            measured, by: timings, shape: "tiny", environment: EnvironmentRecord(workers: Workers(count: 2)),
            machine: Machine(processor: "A Processor", processors: 4)
        ).line
        #expect(!line.contains("\n"))
        for part in [
            "A Processor, 4 processors; ", "2 threads", Backend.library, "tiny, prompts of 5 tokens",
            String(format: "best product %.0f GFLOP/s (fp32)", peak), "training (loss answer) ", "training (loss all) ",
            "paths from 9 heads to the logits ", "z of 9 heads at END ", "cross-model patterns of 3 heads ",
            "edge attribution ",
        ] { #expect(line.contains(part), "\(part) in \(line)") }
        // Results of 0.2.0 have no kinds.
        let old = try JSONDecoder().decode(Timing.self, from: Data(#"{"name": "AdamW", "seconds": 0.5}"#.utf8))
        #expect(old.kind == nil && old.seconds == 0.5)
    }

    @Test func theProcessorIsTheOneThatLinuxNames() {
        let text = "processor\t: 0\nvendor_id\t: X\nmodel name\t: Some  CPU @ 2.0 GHz \n\nprocessor\t: 1\n"
        #expect(Machine.processor(in: text) == "Some CPU @ 2.0 GHz")
        #expect(Machine.processor(in: "processor\t: 0\nmodel name\t:\n") == nil)
    }
}
