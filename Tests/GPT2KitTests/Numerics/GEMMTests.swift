import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

/// Products by each library against sums in double.
@Suite struct GEMMTests {
    static let sizes = [(3, 5, 7), (33, 64, 40), (70, 16, 8), (1, 1, 1), (1, 96, 65), (64, 300, 96)]

    @Test(arguments: Workers.exact, sizes)
    func products(_ workers: Workers, _ size: (m: Int, k: Int, n: Int)) {
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
            GEMM.multiply(a, b, into: c, alpha: 2, beta: beta, workers: workers)
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

    /// A row of a product has the same bits whatever rows are beside it, so that a prompt's values do not depend on the
    /// batch that it is run in, nor on the process. OpenBLAS adds up in another order at the edges of blocks.
    @Test(
        .enabled(if: Backend.oneDNN.isAvailable, "oneDNN is not installed"),
        arguments: [(1, 1), (20, 64), (64, 48), (64, 192), (300, 65), (768, 64)]
    )
    func rowsDoNotDependOnTheirNumber(_ size: (k: Int, n: Int)) {
        let (k, n) = size
        let scratch = Scratch()
        let (a, b, bT) = (scratch.normal(40, k), scratch.normal(k, n), scratch.normal(n, k))
        let (start, all, some) = (scratch.normal(40, n), scratch.zeros(40, n), scratch.zeros(40, n))
        func bits(_ matrix: Matrix, _ row: Int) -> [UInt32] { (0..<n).map { matrix[row][$0].bitPattern } }
        for threads in [1, 2] {
            let workers = Workers(count: threads, backend: .oneDNN)
            func check(_ b: some Factor, beta: Float) {
                all.copy(start)
                GEMM.multiply(a, b, into: all, beta: beta, workers: workers)
                for rows in 1...40 {
                    // Not the first rows alone.
                    let range = 40 - rows..<40
                    some.copy(start)
                    GEMM.multiply(a.rows(range), b, into: some.slice(rows: range), beta: beta, workers: workers)
                    #expect(range.allSatisfy { bits(some, $0) == bits(all, $0) }, "\(rows) rows, \(threads) threads")
                }
            }
            for beta: Float in [0, 1] {
                check(b, beta: beta)
                check(bT.transposed, beta: beta)
            }
        }
    }

    /// Factors with 8 significant bits, whose products are exact in single precision: their sums are the ordinary ones, and
    /// those of other factors are off by what rounding both to 8 bits explains.
    @Test(.enabled(if: Precision.bf16.isAvailable()), arguments: sizes)
    func halves(_ size: (m: Int, k: Int, n: Int)) {
        let (m, k, n) = size
        let (scratch, workers) = (Scratch(), Workers(count: 2, precision: .bf16))
        let (a, b, c) = (scratch.normal(m, k), scratch.normal(k, n), scratch.zeros(m, n))
        for isRounded in [false, true] {
            if isRounded { for x in [a, b] { x.roundToHalves() } }
            GEMM.multiply(a, b, into: c, workers: workers)
            for i in 0..<m {
                for j in 0..<n {
                    let terms = (0..<k).map { Double(a[i][$0]) * Double(b[$0][j]) }
                    let size = terms.reduce(0) { $0 + abs($1) }
                    let rounding = isRounded ? 0 : 2 / 512.0 + 1 / 262_144
                    #expect(
                        abs(Double(c[i][j]) - terms.reduce(0, +)) <= (rounding + Double(k) * 0x1p-23) * size + 1e-30)
                }
            }
        }
    }

    /// Three parts hold all 24 bits of a single.
    @Test func partsAddUp() {
        let scratch = Scratch()
        let x = scratch.normal(5, 21)
        (x[0][0], x[0][1], x[0][2], x[0][3]) = (0, -1, 16_777_215, 1.000_000_1)
        for columns in [0..<21, 3..<14] {
            let values = x.slice(columns: columns)
            values.withParts(workers: Workers(count: 3, precision: .bf16x3)) { split in
                let parts = split.parts!
                for row in 0..<values.rows {
                    for column in 0..<values.columns {
                        let sum = (0..<3).reduce(Float(0)) {
                            $0 + Float(bitPattern: UInt32(parts[$1][row * parts.stride + column]) << 16)
                        }
                        #expect(sum == values[row][column])
                    }
                }
            }
        }
    }

    /// The blocks of a grid cover the output once, whatever the number of workers, and no block is much larger than others.
    @Test(arguments: [1, 2, 3, 7, 32, 64, 128])
    func gridsCoverTheOutput(_ workers: Int) {
        for (m, n, k) in [(1, 1, 1), (576, 768, 3072), (64, 50257, 768), (5000, 40, 768), (33, 65, 4096), (20, 20, 64)]
        {
            var hits = [Int](repeating: 0, count: m * n)
            let output = Matrix(base: UnsafeMutablePointer(bitPattern: 64)!, rows: m, columns: n)
            let grid = GEMM.Grid(output, depth: k, workers: Workers(count: workers))
            #expect(grid.count >= 1 && grid.count <= workers)
            for block in 0..<grid.count {
                let (rows, columns) = grid[block]
                #expect(!rows.isEmpty && !columns.isEmpty)
                for row in rows { for column in columns { hits[row * n + column] += 1 } }
            }
            #expect(hits.allSatisfy { $0 == 1 })
        }
        // Narrow strips would copy more of the factors than they multiply.
        let square = Matrix(base: UnsafeMutablePointer(bitPattern: 64)!, rows: 576, columns: 768)
        let (rows, columns) = GEMM.Grid(square, depth: 768, workers: Workers(count: 32))[0]
        #expect(rows.count >= 96 && columns.count >= 96)
    }

    @Test(arguments: Workers.exact) func numbersOfThreadsAgree(_ workers: Workers) {
        let scratch = Scratch()
        let (a, b) = (scratch.normal(150, 200), scratch.normal(200, 330))
        let (expected, found) = (scratch.zeros(150, 330), scratch.zeros(150, 330))
        GEMM.multiply(a, b, into: expected, workers: workers.alone)
        for count in [2, 3, 7, 32, 128] {
            let many = Workers(count: count, backend: workers.backend, precision: workers.precision)
            GEMM.multiply(a, b, into: found, workers: many)
            for row in 0..<150 {
                for column in 0..<330 { #expect(abs(found[row][column] - expected[row][column]) < 1e-4) }
            }
        }
    }

    @Test func theLibraryInUseIsNamed() {
        #expect(Backend.library.hasPrefix(Backend.current == .oneDNN ? "oneDNN " : "OpenBLAS "))
        #expect(Backend.openBLAS.isAvailable && Backend.preferred.isAvailable)
    }
}

extension Matrix {
    /// Rounds each value to the nearest number of 8 significant bits.
    fileprivate func roundToHalves() {
        for row in 0..<rows {
            for column in 0..<columns {
                let x = Double(self[row][column])
                let unit = (x == 0 ? 1 : pow(2, Foundation.floor(log2(abs(x))) - 7))
                self[row][column] = Float((x / unit).rounded(.toNearestOrEven) * unit)
            }
        }
    }
}
