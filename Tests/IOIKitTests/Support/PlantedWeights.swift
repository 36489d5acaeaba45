@testable import GPT2Kit
@testable import IOIKit

extension GPT2Parameters {
    /// Noise everywhere but in the embeddings. What noise would make of the large constant is left out: it would be a
    /// preference for some answers that is the same in every prompt.
    ///
    /// - Parameter constant: the dimensions of the stream that hold the large constant.
    func addNoise(_ deviation: Double, sparing constant: Range<Int>, seed: UInt64) {
        for (entry, view) in zip(entries, views) where !["wte.weight", "wpe.weight"].contains(entry.name) {
            var generator = SeededGenerator(seed, "noise \(entry.name)")
            let deviation = entry.isMatrix ? deviation : deviation / 6
            for i in 0..<entry.count { view.base[i] = Float(generator.normal() * deviation) }
            if entry.name.hasSuffix("c_attn.weight") || entry.name.hasSuffix("c_fc.weight") {
                view.slice(rows: constant).fill(0)
            }
        }
    }

    /// Random numbers in a part of a row of the embeddings.
    func fill(
        _ part: Range<Int>,
        of row: UnsafeMutablePointer<Float>,
        deviation: Double,
        _ generator: SeededGenerator
    ) {
        var generator = generator
        for dimension in part { row[dimension] = Float(generator.normal() * deviation) }
    }

    /// Makes a row of the embeddings sum to zero, by its two dimensions of the large constant.
    func balance(_ row: UnsafeMutablePointer<Float>, by constant: Range<Int>) {
        let sum = (0..<config.width).reduce(0) { $0 + row[$1] }
        for dimension in constant { row[dimension] -= sum / 2 }
    }

    /// - Parameters:
    ///   - gain: what the blocks' LayerNorms multiply by.
    ///   - final: what the last one does, by dimension.
    func setGains(_ gain: Float, final: (_ dimension: Int) -> Float) {
        for block in blocks {
            for gamma in [block.ln1Gamma, block.ln2Gamma] {
                for dimension in 0..<config.width { gamma[0][dimension] += gain }
            }
        }
        for dimension in 0..<config.width { finalGamma[0][dimension] += final(dimension) }
    }
}
