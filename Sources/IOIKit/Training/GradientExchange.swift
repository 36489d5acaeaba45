import Dispatch

/// The gradients that ranks add up, and the weights that they move and give each other, piece after piece as a backward
/// pass completes them.
///
/// Each rank moves its part of every piece, with its part of AdamW's moments; the others' moments are never touched, so
/// that they take no memory. What goes between ranks goes on a thread of its own while the others compute, in the same
/// order on all ranks. A process alone moves what it is given at once.
final class GradientExchange {
    /// Returns when the gradients of a piece are added up.
    private typealias Sum = () -> Void

    private let ranks: Ranks
    private let parameters, gradients: GPT2Parameters
    private let workers: Workers
    /// nil for a process alone.
    private let room: Arena?
    private let thread = DispatchQueue(label: "exchange of gradients", qos: .userInitiated)
    /// What was added and has not moved yet, oldest first.
    private var waiting: [(piece: Range<Int>, sum: Sum)] = []
    /// How many of these were added last.
    private var newest = 0

    /// - Parameters:
    ///   - ranks: the processes that train together, with the same weights.
    ///   - parameters: the weights, in one arena.
    ///   - gradients: of this rank's part of each batch; in one arena unless the process is alone.
    init(_ ranks: Ranks, _ parameters: GPT2Parameters, gradients: GPT2Parameters, workers: Workers) {
        self.ranks = ranks
        self.parameters = parameters
        self.gradients = gradients
        self.workers = workers
        let largest = ranks.pieces(of: parameters.config).map { ranks.roomForSums(of: $0.count) }.max()!
        room = ranks.count > 1 ? Arena.holding { $0.take(1, largest) }.arena : nil
    }

    /// Takes gradients that are complete on this rank.
    ///
    /// - Parameter values: which, as a range of all values: a group of ``GPT2Parameters/groups(_:)``.
    func add(_ values: Range<Int>) {
        let pieces = ranks.pieces(of: values)
        (waiting, newest) = (waiting + pieces.map { ($0, sum($0)) }, pieces.count)
    }

    /// Moves weights against the sums of their gradients, but for those that were added last, which go between the ranks
    /// meanwhile.
    func moveOlder(_ move: (_ values: Range<Int>) -> Void) {
        moveOldest(room == nil ? waiting.count : waiting.count - newest, move)
    }

    /// Moves what has not moved yet, and returns when all ranks have the same weights.
    func finish(moving move: (_ values: Range<Int>) -> Void) {
        moveOldest(waiting.count, move)
        guard room != nil else { return }
        thread.sync {}
        parameters.split(workers: workers)
    }

    /// The norm of the sums of all gradients, of which none has moved yet.
    func norm() -> Double {
        guard room != nil else { return gradients.norm(workers: workers) }
        let squares = waiting.reduce(0.0) { squares, next in
            next.sum()
            return squares + gradients.sumOfSquares(of: ranks.part(of: next.piece), workers: workers)
        }
        return ranks.sum(squares).squareRoot()
    }

    private func sum(_ piece: Range<Int>) -> Sum {
        guard let room else { return {} }
        let isSummed = DispatchGroup()
        thread.async(group: isSummed) { [ranks, gradients] in
            ranks.sumParts(of: gradients.start(of: piece), count: piece.count, room: room.start)
        }
        return { isSummed.wait() }
    }

    private func moveOldest(_ count: Int, _ move: (_ values: Range<Int>) -> Void) {
        for (piece, sum) in waiting.prefix(count) {
            sum()
            move(ranks.part(of: piece))
            guard room != nil else { continue }
            thread.async { [ranks, parameters] in
                ranks.gatherParts(of: parameters.start(of: piece), count: piece.count)
            }
        }
        waiting.removeFirst(count)
    }
}
