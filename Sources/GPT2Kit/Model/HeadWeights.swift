/// The weight matrices of one head, as views of its model's. Biases are not among them.
package struct HeadWeights {
    /// W_Q, W_K and W_V. [d, head width]
    package let query, key, value: Matrix
    /// The head's band of W_O. [head width, d]
    package let output: Matrix
}

extension GPT2Parameters {
    package func weights(of head: Head) -> HeadWeights {
        let (block, d, width) = (blocks[head.layer], config.width, config.headWidth)
        func part(_ index: Int) -> Matrix {
            let first = index * d + head.index * width
            return block.qkvWeight.slice(columns: first..<first + width)
        }
        return HeadWeights(
            query: part(0), key: part(1), value: part(2),
            output: block.outWeight.slice(rows: head.index * width..<(head.index + 1) * width)
        )
    }
}
