import TestSupport
import Testing

@testable import GPT2Kit

/// Products by each library against sums in double.
@Suite struct GEMMTests {
    static let sizes = [(3, 5, 7), (33, 64, 40), (70, 16, 8), (1, 1, 1), (1, 96, 65), (64, 300, 96)]

    @Test(arguments: Backend.allCases.filter(\.isAvailable), sizes)
    func products(_ backend: Backend, _ size: (m: Int, k: Int, n: Int)) {
        let (m, k, n) = size
        let scratch = Scratch()
        let (a, b) = (scratch.normal(m, k), scratch.normal(k, n))
        let (aT, bT) = (scratch.zeros(k, m), scratch.zeros(n, k))
        for i in 0..<m { for j in 0..<k { aT[j][i] = a[i][j] } }
        for i in 0..<k { for j in 0..<n { bT[j][i] = b[i][j] } }
        let start = scratch.normal(m, n)
        let sums = (0..<m).map { i in
            (0..<n).map { j in (0..<k).reduce(0.0) { $0 + Double(a[i][$1]) * Double(b[$1][j]) } }
        }
        /// - Parameter beta: with 0, the product must not read what it overwrites.
        func check(_ a: some Factor, _ b: some Factor, beta: Float) {
            // Columns of a wider matrix, whose others stay as they are.
            let wide = scratch.zeros(m, n + 2)
            wide.fill(7)
            let c = wide.slice(columns: 1..<n + 1)
            for row in 0..<m { for j in 0..<n { c[row][j] = beta == 0 ? .nan : start[row][j] } }
            GEMM.multiply(a, b, into: c, alpha: 2, beta: beta, backend: backend, workers: Workers(count: 2))
            for i in 0..<m {
                #expect(wide[i][0] == 7 && wide[i][n + 1] == 7)
                for j in 0..<n {
                    let expected = 2 * sums[i][j] + (beta == 0 ? 0 : Double(beta * start[i][j]))
                    #expect(abs(Double(c[i][j]) - expected) < 1e-5 * Double(k + 4))
                }
            }
        }
        for beta: Float in [0, 0.5] {
            check(a, b, beta: beta)
            check(aT.transposed, b, beta: beta)
            check(a, bT.transposed, beta: beta)
            check(aT.transposed, bT.transposed, beta: beta)
        }
    }

    @Test func theLibraryInUseIsNamed() {
        #expect(Backend.library.hasPrefix(Backend.current == .oneDNN ? "oneDNN " : "OpenBLAS "))
        #expect(Backend.openBLAS.isAvailable && Backend.preferred.isAvailable)
    }
}
