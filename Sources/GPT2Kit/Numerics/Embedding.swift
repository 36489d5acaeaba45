/// The sum of a token's and its position's embedding.
package enum Embedding {
    /// `out` [n, d] = `tokenTable`[token] + `positionTable`[position].
    package static func forward(
        tokens: [Int],
        positions: [Int],
        tokenTable: Matrix,
        positionTable: Matrix,
        into out: Matrix,
        workers: Workers
    ) {
        workers.share(out.rows) { rows in
            for row in rows {
                let (out, token, position) = (out[row], tokenTable[tokens[row]], positionTable[positions[row]])
                for i in 0..<tokenTable.columns { out[i] = token[i] + position[i] }
            }
        }
    }

    /// Adds each row of `dOut` [n, d] to its token's row of `dTokenTable` and its position's of `dPositionTable`.
    static func backward(
        _ dOut: Matrix,
        tokens: [Int],
        positions: [Int],
        addingTo dTokenTable: Matrix,
        _ dPositionTable: Matrix,
        workers: Workers
    ) {
        // Rows may name the same token, so the columns are shared out.
        workers.share(dOut.columns, grain: 64) { columns in
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
