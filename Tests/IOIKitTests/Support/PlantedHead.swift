@testable import GPT2Kit
@testable import IOIKit

/// The weights of one head, to be set. Of the dimensions of its queries and keys the first are for names or numbers;
/// each further one holds one more term of the score.
struct PlantedHead {
    /// [d, head width].
    let query, key, value: Matrix
    /// [1, head width].
    let queryBias: Matrix
    /// [head width, d].
    let output: Matrix
    let headWidth: Int

    /// - Parameter head: gets no noise.
    init(clearing head: Head, of parameters: GPT2Parameters) {
        let (block, width) = (parameters.blocks[head.layer], parameters.config.width)
        headWidth = parameters.config.headWidth
        let columns = head.index * headWidth..<(head.index + 1) * headWidth
        func part(_ index: Int, of matrix: Matrix) -> Matrix {
            let part = matrix.slice(columns: index * width..<(index + 1) * width).slice(columns: columns)
            part.fill(0)
            return part
        }
        query = part(0, of: block.qkvWeight)
        key = part(1, of: block.qkvWeight)
        value = part(2, of: block.qkvWeight)
        queryBias = part(0, of: block.qkvBias)
        for index in 1...2 { _ = part(index, of: block.qkvBias) }
        output = block.outWeight.slice(rows: columns)
        output.fill(0)
    }

    /// Adds a multiple of the dot product of two parts of the stream, the query's and the key's.
    func addScore(_ strength: Float, matching queryPart: Range<Int>, with keyPart: Range<Int>) {
        for (index, (from, to)) in zip(queryPart, keyPart).enumerated() {
            query[from][index] = strength * Float(headWidth).squareRoot()
            key[to][index] = 1
        }
    }

    /// Adds the product of two sums over dimensions of the stream, the query's and the key's.
    func addScore(
        _ strength: Float,
        dimension: Int,
        query queryTerms: [Int: Float] = [:],
        bias: Float = 0,
        key keyTerms: [Int: Float]
    ) {
        let scale = strength * Float(headWidth).squareRoot()
        for (from, weight) in queryTerms { query[from][dimension] = weight * scale }
        queryBias[0][dimension] = bias * scale
        for (to, weight) in keyTerms { key[to][dimension] = weight }
    }

    /// Moves what stands in one part of the stream where the head attends to another part where it is.
    ///
    /// - Parameter sink: a part that nothing reads, which takes the negative of what is moved, so that the stream still
    ///   sums to zero.
    func copy(_ source: Range<Int>, to target: Range<Int>, strength: Float = 1, sink: Range<Int> = 0..<0) {
        for (index, (from, to)) in zip(source, target).enumerated() {
            value[from][index] = 1
            output[index][to] = strength
            for dimension in sink { output[index][dimension] = -strength / Float(sink.count) }
        }
    }

    /// Moves a part of the stream from the one token that has a property to all that have another.
    ///
    /// Scores: where it moves from 4, the first token 1.5, else 0. At tokens without the property the first token leads.
    ///
    /// - Parameters:
    ///   - place: the dimension that is 1 at the tokens that it moves to.
    ///   - other: the dimension that is 1 at the token that it moves from.
    ///   - first: the dimension that is 1 at the first token.
    func becomeCarrier(
        at place: Int,
        from other: Int,
        first: Int,
        moving part: Range<Int>,
        to target: Range<Int>,
        sink: Range<Int>
    ) {
        addScore(1, dimension: headWidth - 2, query: [place: 1], key: [other: 4])
        addScore(1.5, dimension: headWidth - 1, bias: 1, key: [first: 1])
        // Less attention than 1 is made up for.
        copy(part, to: target, strength: 1.25, sink: sink)
    }
}
