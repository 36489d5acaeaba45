/// The buffers of a forward pass, in one arena.
///
/// What must outlive its block, for the backward pass or because the caller reads it, has a buffer in every layer; all
/// other buffers are shared by the layers.
package final class Activations {
    /// What is kept of every layer.
    package struct Keeping {
        /// What can be read after a run.
        package var sites: Set<Site>
        /// Whether to keep also what the backward pass reads and no site names.
        package let forBackward: Bool
        /// Whether runs may have dropout.
        package var dropout = false

        /// Everything that the backward pass reads.
        package static let forBackward = Keeping(sites: [], forBackward: true)

        /// - Parameters:
        ///   - sites: what can be read after a run.
        ///   - forBackward: whether to keep everything that the backward pass reads.
        package init(sites: Set<Site>, forBackward: Bool = false) {
            self.sites = sites
            self.forBackward = forBackward
            if forBackward {
                self.sites.formUnion([.residPre, .q, .k, .v, .pattern, .z, .residMid, .residPost])
            }
        }

        /// Everything that the backward pass of training reads.
        package static func forTraining(dropout: Bool) -> Keeping {
            var keeping = forBackward
            keeping.dropout = dropout
            return keeping
        }

        func keeps(_ sites: Site...) -> Bool { !self.sites.isDisjoint(with: sites) }
    }

    /// One layer's buffers. Rows are those of a batch; queries are those that continue after keys and values.
    package struct Block {
        /// [rows, d]
        package let residPre: Matrix
        /// The output of LN1, of the layer that was computed last. [rows, d]
        let ln1: Matrix
        /// The means and scales of LN1. [rows, 2]
        package let ln1Statistics: Matrix
        /// The rows of `ln1` that continue, where not all do. [queries, d]
        let ln1Queries: Matrix
        /// q, k and v side by side; row i of q belongs to query i. [rows, 3d]
        let qkv: Matrix
        /// See `AttentionSpan`. [1, heads · Σ queries · keys]
        let pattern: Matrix
        /// Heads side by side. [queries, d]
        let z: Matrix
        /// Heads side by side [queries, heads · d]; no rows unless it is kept.
        let result: Matrix
        /// [queries, d]
        package let attnOut, residMid: Matrix
        /// The output of LN2, of the layer that was computed last. [queries, d]
        let ln2: Matrix
        /// The means and scales of LN2. [queries, 2]
        package let ln2Statistics: Matrix
        /// Before the activation. [queries, inner]
        let inner: Matrix
        /// After the activation, of the layer that was computed last. [queries, inner]
        let active: Matrix
        /// [queries, d]
        let mlpOut, residPost: Matrix

        /// The rows that a batch of `rows` rows fills, of which `queries` continue in this block.
        func prefix(rows: Int, queries: Int) -> Self {
            Self(
                residPre: residPre.prefix(rows), ln1: ln1.prefix(rows), ln1Statistics: ln1Statistics.prefix(rows),
                ln1Queries: ln1Queries.prefix(min(queries, ln1Queries.rows)), qkv: qkv.prefix(rows), pattern: pattern,
                z: z.prefix(queries), result: result.prefix(min(queries, result.rows)),
                attnOut: attnOut.prefix(queries), residMid: residMid.prefix(queries), ln2: ln2.prefix(queries),
                ln2Statistics: ln2Statistics.prefix(queries), inner: inner.prefix(queries),
                active: active.prefix(queries), mlpOut: mlpOut.prefix(queries), residPost: residPost.prefix(queries)
            )
        }

        /// [queries, d]
        var q: Matrix { qkv.part(.q).prefix(z.rows) }
    }

    let keeping: Keeping
    let capacity: BatchCapacity
    let blocks: [Block]
    /// k and v of each prompt's tokens side by side, where prompts share rows. [tokens, 2d]
    let keysAndValues: Matrix
    /// As large as a layer's patterns, which it holds after dropout; nothing unless runs may have it.
    let droppedPattern: Matrix
    /// The output of the final LayerNorm [queries, d], its means and scales [queries, 2].
    package let final, finalStatistics: Matrix
    /// The logits of some queries. [chunk, vocabulary]
    let logits: Matrix
    private let arena: Arena

    /// The most queries whose logits are computed at once. The loss over all tokens of 32 IOI prompts fits, which saves
    /// the unembedding's gradient, the largest of all, a second pass.
    static let logitRows = 640

    init(config: GPT2Config, capacity: BatchCapacity, keeping: Keeping) {
        self.keeping = keeping
        self.capacity = capacity
        let views = Arena.holding { Self.layOut(config, capacity, keeping, in: $0) }
        arena = views.arena
        (blocks, keysAndValues, final, finalStatistics, logits, droppedPattern) = views.views
    }

    /// The bytes that ``init(config:capacity:keeping:)`` takes.
    package static func bytes(_ config: GPT2Config, _ capacity: BatchCapacity, _ keeping: Keeping) -> Int {
        Arena.bytes { layOut(config, capacity, keeping, in: $0) }
    }

    private static func layOut(
        _ config: GPT2Config, _ capacity: BatchCapacity, _ keeping: Keeping, in arena: Arena
    ) -> ([Block], Matrix, Matrix, Matrix, Matrix, Matrix) {
        let (rows, queries, d) = (capacity.rows, capacity.queries, config.width)
        return (
            blocks(in: arena, config, capacity, keeping), arena.take(rows, 2 * d), arena.take(queries, d),
            arena.take(queries, 2), arena.take(min(queries, logitRows), config.vocabularySize),
            arena.take(1, keeping.dropout ? config.heads * capacity.pairs : 0)
        )
    }

    private static func blocks(
        in arena: Arena,
        _ config: GPT2Config,
        _ capacity: BatchCapacity,
        _ keeping: Keeping
    ) -> [Block] {
        let (rows, d, backward) = (capacity.rows, config.width, keeping.forBackward)
        var blocks: [Block] = []
        for layer in 0..<config.layers {
            /// A buffer of this layer's own where it is kept, else that of the first layer.
            func take(_ buffer: KeyPath<Block, Matrix>, _ rows: Int, _ columns: Int, isKept: Bool) -> Matrix {
                isKept || layer == 0 ? arena.take(rows, columns) : blocks[0][keyPath: buffer]
            }
            let residPre = blocks.last?.residPost ?? arena.take(rows, d)
            let keepsResult = keeping.keeps(.result)
            let inner = take(\.inner, rows, config.innerWidth, isKept: backward)
            // The backward pass computes the outputs of LayerNorms and activations again: two fifths of all it reads.
            blocks.append(
                Block(
                    residPre: residPre, ln1: take(\.ln1, rows, d, isKept: false),
                    ln1Statistics: take(\.ln1Statistics, rows, 2, isKept: backward),
                    ln1Queries: take(\.ln1Queries, capacity.queries, d, isKept: false),
                    qkv: take(\.qkv, rows, 3 * d, isKept: keeping.keeps(.q, .k, .v)),
                    pattern: take(\.pattern, 1, config.heads * capacity.pairs, isKept: keeping.keeps(.pattern)),
                    z: take(\.z, rows, d, isKept: keeping.keeps(.z)),
                    result: take(\.result, keepsResult ? rows : 0, config.heads * d, isKept: keepsResult),
                    attnOut: take(\.attnOut, rows, d, isKept: keeping.keeps(.attnOut)),
                    residMid: take(\.residMid, rows, d, isKept: keeping.keeps(.residMid)),
                    ln2: take(\.ln2, rows, d, isKept: false),
                    ln2Statistics: take(\.ln2Statistics, rows, 2, isKept: backward),
                    inner: inner,
                    // Without a backward pass the activation overwrites its input.
                    active: backward ? take(\.active, rows, config.innerWidth, isKept: false) : inner,
                    mlpOut: take(\.mlpOut, rows, d, isKept: keeping.keeps(.mlpOut)),
                    residPost: keeping.keeps(.residPre, .residPost) ? arena.take(rows, d) : residPre
                )
            )
        }
        return blocks
    }
}
