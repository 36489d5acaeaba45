import Foundation

#if MPI
    import CMPI
#endif

extension Ranks {
    /// The implementation of MPI; nil if the program was built without.
    public static var library: String? {
        #if MPI
            var name = [CChar](repeating: 0, count: 200)
            mpi_name(&name, Int32(name.count))
            // Some have a sentence.
            let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            return text.split(separator: ",").first.map(String.init)
        #else
            return nil
        #endif
    }

    /// The ranks that this process was started among, which it joins. Must be called once, by the first thread.
    ///
    /// - Throws: `IOIError` if it was started among others but built without MPI, or MPI has no support for threads.
    public static func join() throws -> Ranks {
        let environment = ProcessInfo.processInfo.environment
        // Of Open MPI, PMIx and the process managers of MPICH and Slurm.
        let names = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "PMI_FD"]
        guard names.contains(where: { environment[$0] != nil }) else { return .alone }
        #if MPI
            var (rank, count, onNode): (Int32, Int32, Int32) = (0, 1, 1)
            guard mpi_join(&rank, &count, &onNode) != 0 else {
                throw IOIError("MPI: \(library ?? "") does not allow calls from several threads")
            }
            return Ranks(rank: Int(rank), count: Int(count), onNode: Int(onNode))
        #else
            let sizes = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"].compactMap {
                environment[$0].flatMap { Int($0) }
            }
            guard let size = sizes.first, size > 1 else { return .alone }
            throw IOIError.usage(
                "MPI: found \(size) processes, but this program was built without it; build with --traits MPI, or start one"
            )
        #endif
    }

    /// The rank that this process was started as, as far as the environment says before ``join()``.
    public static var rankOfEnvironment: Int {
        let environment = ProcessInfo.processInfo.environment
        return ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"].lazy.compactMap { environment[$0].flatMap { Int($0) } }
            .first ?? 0
    }

    /// Leaves the ranks, after all their work.
    public func leave() {
        #if MPI
            mpi_leave()
        #endif
    }

    /// Ends all ranks at once.
    public func end(code: Int32) {
        #if MPI
            if areTogether { mpi_end(code) }
        #endif
    }

    // MARK: Stopping

    private enum Message: Int32 {
        case stop = 1
        case failed, spoken
    }

    private func tell(_ rank: Int, _ message: Message) {
        #if MPI
            mpi_tell(Int32(rank), message.rawValue)
        #endif
    }

    private func isTold(_ message: Message) -> Bool {
        #if MPI
            return areTogether && mpi_is_told(message.rawValue) != 0
        #else
            return false
        #endif
    }

    private func take(_ message: Message) {
        #if MPI
            mpi_take(message.rawValue)
        #endif
    }

    /// Makes ``isToldToStop`` true on the other ranks.
    package func tellToStop() {
        guard areTogether else { return }
        for other in 0..<count where other != rank { tell(other, .stop) }
    }

    /// Whether another rank has told this one to stop.
    package var isToldToStop: Bool { isTold(.stop) }

    /// Ends the program on all ranks after an error on this one, which most often is the same on all. Where the others
    /// do not end by themselves, they are ended.
    ///
    /// - Parameters:
    ///   - code: the exit code.
    ///   - speak: says what is wrong. It is called on rank 0, or on a rank whose error is not that of rank 0.
    public func fail(code: Int32, speak: () -> Void) {
        guard areTogether else {
            speak()
            return leave()
        }
        var others = count - 1
        if isFirst {
            for other in 1..<count { tell(other, .spoken) }
            speak()
        } else {
            tell(0, .failed)
        }
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .seconds(isFirst ? 3 : 5) {
            if isFirst, isTold(.failed) {
                take(.failed)
                others -= 1
                if others == 0 { return leave() }
            }
            if !isFirst, isTold(.spoken) { return leave() }
            usleep(1000)
        }
        if !isFirst { speak() }
        end(code: code)
    }

    // MARK: Numbers

    /// The value of each rank.
    package func gather(_ value: Int) -> [Int] {
        #if MPI
            guard areTogether else { return [value] }
            var values = [Int](repeating: 0, count: count)
            mpi_gather(value, &values)
            return values
        #else
            return [value]
        #endif
    }

    /// The sum over the ranks.
    package func sum(_ value: Double) -> Double {
        var value = value
        #if MPI
            if areTogether { mpi_sum(&value, 1) }
        #endif
        return value
    }

    /// Gives all ranks the bytes of one.
    package func broadcast(_ bytes: UnsafeMutableRawPointer, count: Int, from rank: Int) {
        #if MPI
            if areTogether { mpi_broadcast(bytes, count, Int32(rank)) }
        #endif
    }

    // MARK: Parts of arrays

    // Parts are those of ``part(of:)``. Waiting for other ranks leaves the processor to the threads that compute.

    /// Replaces this rank's part of `values` [count] by its sum over the ranks. The sum is the same in every run.
    ///
    /// - Parameter room: scratch. [``roomForSums(of:)``]
    package func sumParts(of values: UnsafeMutablePointer<Float>, count: Int, room: UnsafeMutablePointer<Float>) {
        let own = part(of: count)
        let parts = (0..<self.count).map { values + part(of: count, rank: $0).lowerBound }
        let received = (0..<self.count).map { room + ($0 < rank ? $0 : $0 - 1) * own.count }
        let size = MemoryLayout<Float>.stride
        exchange(
            sending: parts.map { .init($0) }, bytes: (0..<self.count).map { part(of: count, rank: $0).count * size },
            receiving: received.map { .init($0) }, bytes: [Int](repeating: own.count * size, count: self.count)
        )
        for other in 0..<self.count where other != rank {
            let (sum, more) = (parts[rank], received[other])
            forEachLanes(own.count) {
                sum.setLanes($0, sum.lanes($0) + more.lanes($0))
            } tail: {
                for index in $0 { sum[index] += more[index] }
            }
        }
    }

    /// The numbers that ``sumParts(of:count:room:)`` needs room for.
    package func roomForSums(of count: Int) -> Int { (self.count - 1) * part(of: count).count }

    /// Gives each rank's part of `values` [count], of `size` bytes each, to all, or to one rank alone.
    package func gatherParts(
        of values: UnsafeMutableRawPointer,
        count: Int,
        size: Int = MemoryLayout<Float>.stride,
        to one: Int? = nil
    ) {
        let parts = (0..<self.count).map { part(of: count, rank: $0) }
        let starts = parts.map { values + $0.lowerBound * size }
        exchange(
            sending: [UnsafeMutableRawPointer](repeating: starts[rank], count: self.count),
            bytes: (0..<self.count).map { one ?? $0 == $0 ? parts[rank].count * size : 0 }, receiving: starts,
            bytes: parts.map { one ?? rank == rank ? $0.count * size : 0 }
        )
    }

    /// Sends bytes to each other rank and receives bytes from it. [ranks]
    private func exchange(
        sending: [UnsafeMutableRawPointer?],
        bytes sent: [Int],
        receiving: [UnsafeMutableRawPointer?],
        bytes received: [Int]
    ) {
        #if MPI
            guard areTogether else { return }
            mpi_exchange(
                sending, sent.map { Int32($0) }, receiving, received.map { Int32($0) }, Int32(rank), Int32(count))
        #endif
    }
}
