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

/// The weights of one MLP, to be set neuron by neuron.
struct PlantedMLP {
    /// [d, neurons] and [1, neurons].
    private let inner, innerBias: Matrix
    /// [neurons, d].
    private let outer: Matrix

    /// - Parameter layer: of the MLP, which gets no noise.
    init(clearing layer: Int, of parameters: GPT2Parameters) {
        let block = parameters.blocks[layer]
        (inner, innerBias, outer) = (block.innerWeight, block.innerBias, block.outerWeight)
        for matrix in [inner, innerBias, outer, block.outerBias] { matrix.fill(0) }
    }

    /// - Parameters:
    ///   - neuron: the index of the neuron.
    ///   - input: the weight of each dimension of the stream that it reads.
    ///   - bias: what is added before the GELU.
    ///   - output: what it adds to dimensions of the stream.
    func set(_ neuron: Int, reading input: [Int: Float], bias: Float = 0, writing output: [Int: Float]) {
        for (dimension, weight) in input { inner[dimension][neuron] = weight }
        innerBias[0][neuron] = bias
        for (dimension, weight) in output { outer[neuron][dimension] = weight }
    }

    /// A multiple of a dimension's unit vector, less the same of a part that nothing reads, so that the stream still sums
    /// to zero.
    static func writing(_ dimension: Int, _ strength: Float, sink: Range<Int>) -> [Int: Float] {
        var output = Dictionary(uniqueKeysWithValues: sink.map { ($0, -strength / Float(sink.count)) })
        output[dimension] = strength
        return output
    }
}
