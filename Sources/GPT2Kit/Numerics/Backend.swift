import Synchronization

/// The library that computes matrix products. Equal results bit for bit need the same one.
public enum Backend: UInt8, CaseIterable, Sendable {
    case openBLAS
    /// Optional, and loaded when the program runs.
    case oneDNN

    private static let choice = Atomic(preferred.rawValue)

    /// oneDNN where it has kernels for AVX-512, else OpenBLAS. On two cores with AVX-512 it was twice as fast as OpenBLAS
    /// 0.3.21 with kernels for AVX2, at every size (Benchmarks/RESULTS.md).
    ///
    /// A rule and not a measurement, because a choice that depended on timing would change results from run to run.
    public static var preferred: Backend { OneDNN.shared?.usesAVX512 == true ? .oneDNN : .openBLAS }

    /// The one that workers use if they are not given another: ``preferred``, unless ``use()`` chose another.
    public static var current: Backend { Backend(rawValue: choice.load(ordering: .relaxed))! }

    /// The name and version of the library in use.
    public static var library: String { current.library }

    /// The name, version and kernels of the library.
    public var library: String {
        switch self {
        case .openBLAS: GEMM.openBLAS
        case .oneDNN: OneDNN.shared?.name ?? ""
        }
    }

    /// Makes this the ``current`` one, for the whole process.
    ///
    /// - Throws: ``IOIError`` of the field `backend` if it is not installed.
    public func use() throws {
        guard isAvailable else {
            throw IOIError.invalid(
                "backend", "oneDNN (libdnnl.so, version 1 to 3, built with OpenMP) was not found; install libdnnl-dev"
            )
        }
        Self.choice.store(rawValue, ordering: .relaxed)
    }

    public var isAvailable: Bool { self == .openBLAS || OneDNN.shared != nil }
}
