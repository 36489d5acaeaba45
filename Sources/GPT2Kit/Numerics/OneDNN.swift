import Foundation

/// oneDNN's matrix products of single precision and of bfloat16, loaded when the program runs.
///
/// It generates kernels for the processor at run time, including processors that a distribution's OpenBLAS does not know.
/// The functions have the same signature in versions 1 to 3, so neither a header nor a build option is needed.
struct OneDNN: Sendable {
    /// Factors are of type float, or of bfloat16.
    typealias Product =
        @convention(c) (
            _ transposesA: CChar, _ transposesB: CChar, _ m: Int64, _ n: Int64, _ k: Int64, _ alpha: Float,
            _ a: UnsafeRawPointer, _ strideOfA: Int64, _ b: UnsafeRawPointer, _ strideOfB: Int64,
            _ beta: Float, _ c: UnsafeMutablePointer<Float>, _ strideOfC: Int64
        ) -> Int32

    private let product: Product
    /// Not in oneDNN's headers, but exported since version 1.
    private let halfProduct: Product?
    private let limitThreads: @convention(c) (Int32) -> Void
    /// The name, version and kernels.
    let name: String
    /// Whether its kernels use AVX-512, where they are faster than those of the OpenBLAS at hand.
    let usesAVX512: Bool
    /// Whether it multiplies bfloat16.
    var multipliesHalves: Bool { halfProduct != nil && usesAVX512 }

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
        halfProduct = dlsym(handle, "dnnl_gemm_bf16bf16f32").map { unsafeBitCast($0, to: Product.self) }
        limitThreads = unsafeBitCast(limit, to: (@convention(c) (Int32) -> Void).self)
        // Of major version, minor version and patch, at the start of a structure.
        let numbers = unsafeBitCast(version, to: (@convention(c) () -> UnsafePointer<Int32>).self)()
        // Each bit is a set of instructions; those of AVX-512 and its bfloat16 have been the same since version 1.
        let instructions = unsafeBitCast(isa, to: (@convention(c) () -> UInt32).self)()
        usesAVX512 = instructions & 0x20 != 0
        let kernels = instructions & 0xA0 == 0xA0 ? "AVX-512 bf16" : usesAVX512 ? "AVX-512" : "AVX2 or older"
        name = "oneDNN \(numbers[0]).\(numbers[1]).\(numbers[2]), \(kernels)"
    }

    /// `c` [m, n] = alpha · a [m, k] · b [k, n] + beta · `c`, on the calling thread alone.
    ///
    /// - Parameter precision: one whose parts the factors have.
    func multiply(
        _ a: some Factor,
        _ b: some Factor,
        into c: Matrix,
        alpha: Float,
        beta: Float,
        depth: Int,
        precision: Precision
    ) {
        func multiply(
            _ product: Product, _ left: UnsafeRawPointer, _ leftStride: Int, _ right: UnsafeRawPointer,
            _ rightStride: Int, beta: Float
        ) {
            let status = product(
                Self.letter(a), Self.letter(b), Int64(c.rows), Int64(c.columns), Int64(depth), alpha, left,
                Int64(leftStride), right, Int64(rightStride), beta, c.base, Int64(c.stride)
            )
            precondition(status == 0, "oneDNN refused a product: status \(status)")
        }
        // The limit is per thread, and cheap to set.
        limitThreads(1)
        guard precision != .fp32 else {
            let rows = Self.leastRows(b, depth: depth)
            guard !a.isTransposed, c.rows < rows else {
                return multiply(product, a.matrix.base, a.matrix.stride, b.matrix.base, b.matrix.stride, beta: beta)
            }
            return Self.withRows(rows, a.matrix, c) { a, c in
                self.multiply(a, b, into: c, alpha: alpha, beta: beta, depth: depth, precision: precision)
            }
        }
        let (left, right) = (a.matrix.parts!, b.matrix.parts!)
        for (index, pair) in precision.products.enumerated() {
            multiply(
                halfProduct!, left[pair.a], left.stride, right[pair.b], right.stride, beta: index == 0 ? beta : 1
            )
        }
    }

    /// The rows below which its kernels add up a row's products in another order.
    ///
    /// With at least as many, a row of the product has the same bits whatever rows are beside it, so that a prompt's values
    /// do not depend on the batch that it is run in.
    private static func leastRows(_ b: some Factor, depth: Int) -> Int { b.isTransposed ? 16 : 2 }

    /// Calls `body` with `a` and `c` in the first of `rows` rows, and takes `c` from there.
    private static func withRows(_ rows: Int, _ a: Matrix, _ c: Matrix, _ body: (Matrix, Matrix) -> Void) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows * (a.columns + c.columns)) { room in
            room.initialize(repeating: 0)
            let left = Matrix(base: room.baseAddress!, rows: rows, columns: a.columns)
            let product = Matrix(base: left.base + rows * a.columns, rows: rows, columns: c.columns)
            for row in 0..<c.rows {
                left[row].update(from: a[row], count: a.columns)
                product[row].update(from: c[row], count: c.columns)
            }
            body(left, product)
            for row in 0..<c.rows { c[row].update(from: product[row], count: c.columns) }
        }
    }

    private static func letter(_ factor: some Factor) -> CChar {
        CChar((factor.isTransposed ? UnicodeScalar("T") : "N").value)
    }
}
