/// The sum of a token's embedding and its position's.
package enum Embedding {
    /// `out` [n, d] = `tokenTable` [v, d] at each token + `positionTable` [context, d] at each position.
    package static func forward(
        tokens: [Int],
        positions: [Int],
        tokenTable: Matrix,
        positionTable: Matrix,
        into out: Matrix,
        workers: Workers
    ) {
        // About 0.3 ns an element, here and backwards.
        workers.share(out.rows, nanoseconds: 0.3 * Double(out.columns)) { rows in
            for row in rows {
                let (out, token, position) = (out[row], tokenTable[tokens[row]], positionTable[positions[row]])
                for i in 0..<tokenTable.columns { out[i] = token[i] + position[i] }
            }
        }
    }

    /// Adds each row of `dOut` [n, d] to its token's row of `dTokenTable` [v, d] and its position's of `dPositionTable`
    /// [context, d].
    static func backward(
        _ dOut: Matrix,
        tokens: [Int],
        positions: [Int],
        addingTo dTokenTable: Matrix,
        _ dPositionTable: Matrix,
        workers: Workers
    ) {
        // Several rows may have the same token, so the work is divided by columns.
        workers.share(dOut.columns, grain: 64, nanoseconds: 0.3 * Double(dOut.rows)) { columns in
            for row in 0..<dOut.rows {
                let (dOut, dToken, dPosition) = (dOut[row], dTokenTable[tokens[row]], dPositionTable[positions[row]])
                for i in columns {
                    dToken[i] += dOut[i]
                    dPosition[i] += dOut[i]
                }
            }
        }
    }
}
