@testable import GPT2Kit

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
