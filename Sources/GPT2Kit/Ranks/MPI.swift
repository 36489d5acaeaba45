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
            return String(cString: name).split(separator: ",").first.map(String.init)
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
            var (rank, count): (Int32, Int32) = (0, 1)
            guard mpi_join(&rank, &count) != 0 else {
                throw IOIError("MPI: \(library ?? "") does not allow calls from several threads")
            }
            return Ranks(rank: Int(rank), count: Int(count))
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

    /// Leaves the ranks, after all their work.
    public func leave() {
        #if MPI
            if count > 1 { mpi_leave() }
        #endif
    }

    /// Ends all ranks at once.
    public func end(code: Int32) {
        #if MPI
            if count > 1 { mpi_end(code) }
        #endif
    }

    // MARK: Stopping

    /// Makes ``isToldToStop`` true on the other ranks.
    package func tellToStop() {
        #if MPI
            for other in 0..<count where other != rank { mpi_tell_stop(Int32(other)) }
        #endif
    }

    /// Whether another rank has told this one to stop.
    package var isToldToStop: Bool {
        #if MPI
            return count > 1 && mpi_is_told_to_stop() != 0
        #else
            return false
        #endif
    }

    // MARK: Numbers

    /// The value of each rank.
    package func gather(_ value: Int) -> [Int] {
        #if MPI
            guard count > 1 else { return [value] }
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
            if count > 1 { mpi_sum(&value, 1) }
        #endif
        return value
    }

    /// Gives all ranks the bytes of one.
    package func broadcast(_ bytes: UnsafeMutableRawPointer, count: Int, from rank: Int) {
        #if MPI
            if self.count > 1 { mpi_broadcast(bytes, count, Int32(rank)) }
        #endif
    }

    /// `sums` = this rank's part of the sums of `values` [count] over the ranks. Parts are those of ``part(of:)``.
    package func sumParts(of values: UnsafePointer<Float>, count: Int, into sums: UnsafeMutablePointer<Float>) {
        let counts = (0..<self.count).map { Int32(part(of: count, rank: $0).count) }
        #if MPI
            guard self.count > 1 else { return sums.update(from: values, count: count) }
            mpi_sum_shares(values, sums, counts)
        #else
            sums.update(from: values, count: Int(counts[0]))
        #endif
    }

    /// Gives all ranks each rank's part of `values` [count] of `size` bytes each. Parts are those of ``part(of:)``.
    package func gatherParts(of values: UnsafeMutableRawPointer, count: Int, size: Int = MemoryLayout<Float>.stride) {
        #if MPI
            guard self.count > 1 else { return }
            let parts = (0..<self.count).map { part(of: count, rank: $0) }
            mpi_gather_shares(values, parts.map { Int32($0.count * size) }, parts.map { Int32($0.lowerBound * size) })
        #endif
    }
}
