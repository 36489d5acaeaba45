/// The buffers of a forward pass, in one arena.
///
/// What must outlive its block (for the backward pass, or because it was asked for) has a buffer in every layer;
/// the rest shares one.
package final class Activations {
    /// What is kept of each layer.
    package struct Keeping {
        /// What can be read after a run.
        package var sites: Set<Site> = []
        /// Whether what the backward pass reads, and no site names, is kept as well.
        package var forBackward = false

        /// Everything that the backward pass reads.
        package static let forBackward = Keeping(
            sites: [.residPre, .q, .k, .v, .pattern, .z, .residMid, .residPost], forBackward: true
        )

        func keeps(_ sites: Site...) -> Bool { !self.sites.isDisjoint(with: sites) }
    }

    /// One layer's buffers, as wide as the widest batch needs.
    package struct Block {
        /// [rows, d]; `ln1` is the normalised input of attention, `ln1Statistics` [rows, 2] its mean and scale.
        package let ln1, ln1Statistics: Matrix
        /// [queries, d]: the rows of `ln1` that ask, where those are not all.
        let ln1Queries: Matrix
        /// [rows, 3d]: q, k and v side by side; row i of q belongs to query i.
        let qkv: Matrix
        /// [1, heads · Σ queries · keys], as `AttentionSpan` says.
        let pattern: Matrix
        /// [queries, d], heads side by side.
        let z: Matrix
        /// [queries, heads · d], heads side by side; without rows where it was not asked for.
        let result: Matrix
        /// [queries, d].
        package let attnOut, residMid: Matrix
        package let ln2, ln2Statistics: Matrix
        /// [queries, inner]: before and after the activation.
        let inner, active: Matrix
        /// [queries, d].
        let mlpOut: Matrix
    }

    let keeping: Keeping
    let capacity: BatchCapacity
    package let blocks: [Block]
    /// The residual stream before each block, and after the last. [rows, d]
    package let residual: [Matrix]
    /// k and v of each prompt's tokens, side by side, where prompts share rows. [tokens, 2d]
    let keysAndValues: Matrix
    /// The final LayerNorm's output [queries, d] and statistics.
    package let final, finalStatistics: Matrix
    /// Room for the logits of a chunk of queries. [chunk, vocabulary]
    let logits: Matrix
    private let arena: Arena

    /// Logits of more rows than this are computed in pieces. The whole-sequence loss of 32 prompts of the task fits in
    /// one, which spares the unembedding's gradient, the largest of all, a second pass.
    static let logitRows = 640

    init(config: GPT2Config, capacity: BatchCapacity, keeping: Keeping) {
        self.keeping = keeping
        self.capacity = capacity
        let (rows, d) = (capacity.rows, config.width)
        let last = config.layers - 1
        let views = Arena.holding { arena in
            /// A buffer for each layer where it is kept, else one for all.
            func buffers(_ isKept: Bool, _ rows: Int, _ columns: Int, layers: Int = config.layers) -> [Matrix] {
                let shared = isKept ? nil : arena.take(rows, columns)
                return (0..<layers).map { _ in shared ?? arena.take(rows, columns) }
            }
            let backward = keeping.forBackward
            let residual = buffers(keeping.keeps(.residPre, .residPost), rows, d, layers: config.layers + 1)
            let ln1 = buffers(backward, rows, d)
            let ln1Statistics = buffers(backward, rows, 2)
            let ln1Queries = arena.take(capacity.queries, d)
            let qkv = buffers(keeping.keeps(.q, .k, .v), rows, 3 * d)
            let pattern = buffers(keeping.keeps(.pattern), 1, config.heads * capacity.pairs)
            let z = buffers(keeping.keeps(.z), rows, d)
            let isResultKept = keeping.keeps(.result)
            let result = buffers(isResultKept, isResultKept ? rows : 0, config.heads * d)
            let attnOut = buffers(keeping.keeps(.attnOut), rows, d)
            let residMid = buffers(keeping.keeps(.residMid), rows, d)
            let ln2 = buffers(backward, rows, d)
            let ln2Statistics = buffers(backward, rows, 2)
            let inner = buffers(backward, rows, config.innerWidth)
            // Without a backward pass the activation overwrites its input.
            let active = backward ? buffers(true, rows, config.innerWidth) : inner
            let mlpOut = buffers(keeping.keeps(.mlpOut), rows, d)
            let blocks = (0...last).map { layer in
                Block(
                    ln1: ln1[layer], ln1Statistics: ln1Statistics[layer], ln1Queries: ln1Queries,
                    qkv: qkv[layer], pattern: pattern[layer], z: z[layer], result: result[layer],
                    attnOut: attnOut[layer], residMid: residMid[layer], ln2: ln2[layer],
                    ln2Statistics: ln2Statistics[layer], inner: inner[layer], active: active[layer],
                    mlpOut: mlpOut[layer]
                )
            }
            return (
                blocks, residual, arena.take(rows, 2 * d), arena.take(capacity.queries, d),
                arena.take(capacity.queries, 2),
                arena.take(min(capacity.queries, Self.logitRows), config.vocabularySize)
            )
        }
        arena = views.arena
        (blocks, residual, keysAndValues, final, finalStatistics, logits) = views.views
    }
}
