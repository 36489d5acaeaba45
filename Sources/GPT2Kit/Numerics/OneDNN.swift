import Foundation

/// oneDNN's single-precision matrix product, loaded when the program runs.
///
/// It generates kernels for the processor at run time, including processors that a distribution's OpenBLAS does not know.
/// The function has the same signature in versions 1 to 3, so neither a header nor a build option is needed.
struct OneDNN: Sendable {
    typealias Product =
        @convention(c) (
            _ transposesA: CChar, _ transposesB: CChar, _ m: Int64, _ n: Int64, _ k: Int64, _ alpha: Float,
            _ a: UnsafePointer<Float>, _ strideOfA: Int64, _ b: UnsafePointer<Float>, _ strideOfB: Int64,
            _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ strideOfC: Int64
        ) -> Int32

    private let product: Product
    private let limitThreads: @convention(c) (Int32) -> Void
    /// The name and version.
    let name: String
    /// Whether its kernels use AVX-512, where they are faster than those of the OpenBLAS at hand.
    let usesAVX512: Bool

    /// nil if oneDNN is not installed, or was built with a threading library whose threads cannot be limited.
    static let shared: OneDNN? = {
        let names = ["libdnnl.so.3", "libdnnl.so.2", "libdnnl.so.1", "libdnnl.so", "libdnnl.dylib"]
        return names.lazy.compactMap { OneDNN(library: $0) }.first
    }()

    private init?(library: String) {
        guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else { return nil }
        guard let product = dlsym(handle, "dnnl_sgemm"), let limit = dlsym(handle, "omp_set_num_threads"),
            let version = dlsym(handle, "dnnl_version"), let isa = dlsym(handle, "dnnl_get_effective_cpu_isa")
        else {
            dlclose(handle)
            return nil
        }
        self.product = unsafeBitCast(product, to: Product.self)
        limitThreads = unsafeBitCast(limit, to: (@convention(c) (Int32) -> Void).self)
        // Of major version, minor version and patch, at the start of a structure.
        let numbers = unsafeBitCast(version, to: (@convention(c) () -> UnsafePointer<Int32>).self)()
        name = "oneDNN \(numbers[0]).\(numbers[1]).\(numbers[2])"
        // Each bit is a set of instructions; that of avx512_core has been the same since version 1.
        usesAVX512 = unsafeBitCast(isa, to: (@convention(c) () -> UInt32).self)() & 0x20 != 0
    }

    /// `c` [m, n] = alpha · a [m, k] · b [k, n] + beta · `c`, on the calling thread alone.
    func multiply(_ a: some Factor, _ b: some Factor, into c: Matrix, alpha: Float, beta: Float, depth: Int) {
        // The limit is per thread, and cheap to set.
        limitThreads(1)
        let status = product(
            Self.letter(a), Self.letter(b), Int64(c.rows), Int64(c.columns), Int64(depth), alpha, a.matrix.base,
            Int64(a.matrix.stride), b.matrix.base, Int64(b.matrix.stride), beta, c.base, Int64(c.stride)
        )
        precondition(status == 0, "oneDNN refused a product: status \(status)")
    }

    private static func letter(_ factor: some Factor) -> CChar {
        CChar((factor.isTransposed ? UnicodeScalar("T") : "N").value)
    }
}
