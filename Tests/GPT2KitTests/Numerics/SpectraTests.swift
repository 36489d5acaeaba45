import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct SpectraTests {
    @Test func eigenvaluesOfKnownMatrices() throws {
        func sorted(_ matrix: [Double], _ size: Int) throws -> [(real: Double, imaginary: Double)] {
            try #require(Spectra.eigenvalues(of: matrix, size: size))
                .sorted { ($0.real, $0.imaginary) < ($1.real, $1.imaginary) }
        }
        func expect(_ found: [(real: Double, imaginary: Double)], _ expected: [(Double, Double)]) {
            #expect(found.count == expected.count)
            for (found, expected) in zip(found, expected) {
                #expect(abs(found.real - expected.0) < 1e-12 && abs(found.imaginary - expected.1) < 1e-12)
            }
        }
        expect(try sorted([3, 0, 0, 5, -2, 0, 7, 11, 0.5], 3), [(-2, 0), (0.5, 0), (3, 0)])
        // A turn by 60° and growth by 2.
        let (cosine, sine) = (2 * cos(Double.pi / 3), 2 * sin(Double.pi / 3))
        expect(try sorted([cosine, -sine, sine, cosine], 2), [(cosine, -sine), (cosine, sine)])
        // The companion matrix of (x − 1)(x − 2)(x + 4).
        expect(try sorted([-1, 10, -8, 1, 0, 0, 0, 1, 0], 3), [(-4, 0), (1, 0), (2, 0)])
    }

    @Test func singularValuesOfKnownMatrices() throws {
        func expect(_ found: [Double]?, _ expected: [Double]) throws {
            let found = try #require(found)
            #expect(found.count == expected.count && largestDifference(found, expected) < 1e-12)
        }
        try expect(Spectra.singularValues(of: [0, 3, 0, -4, 0, 0], rows: 2, columns: 3), [4, 3])
        try expect(Spectra.singularValues(of: [0, 3, -4, 0, 0, 0], rows: 3, columns: 2), [4, 3])
        // Of one row and one column: the product of their lengths.
        try expect(Spectra.singularValues(of: [2, 4, 4, 1, 2, 2], rows: 2, columns: 3), [Double(45).squareRoot(), 0])
        #expect(Spectra.singularValues(of: [1, .nan, 0, 1], rows: 2, columns: 2) == nil)
        #expect(Spectra.eigenvalues(of: [1, .nan, 0, 1], size: 2) == nil)
    }

    /// Inner sizes smaller and, together, larger than the outer ones.
    @Test(arguments: [(9, 7, [3]), (9, 7, [2, 3]), (5, 6, [4, 4]), (4, 4, [4])])
    func aSumOfProductsHasTheSpectrumOfItsMatrix(_ rows: Int, _ columns: Int, _ inner: [Int]) throws {
        let scratch = Scratch(seed: 5)
        let terms = inner.map { size in (a: scratch.normal(rows, size), b: scratch.normal(size, columns)) }
        var whole = [Double](repeating: 0, count: rows * columns)
        for (a, b) in terms {
            for row in 0..<rows {
                for column in 0..<columns {
                    for i in 0..<a.columns {
                        whole[row * columns + column] += Double(a[row][i]) * Double(b[i][column])
                    }
                }
            }
        }
        let expected = try #require(Spectra.singularValues(of: whole, rows: rows, columns: columns))
        let found = try #require(Spectra.singularValues(ofSum: terms.map { ($0.a.doubleColumns, $0.b.doubleRows) }))
        #expect(found.count == min(rows, inner.reduce(0, +), columns))
        #expect(largestDifference(found, expected) < 1e-12 * expected[0])
        #expect(expected.dropFirst(found.count).allSatisfy { $0 < 1e-12 * expected[0] })
        let squares = whole.reduce(0) { $0 + $1 * $1 }
        #expect(abs(found.reduce(0) { $0 + $1 * $1 } - squares) < 1e-11 * squares)
    }

    @Test func workersKeepTheOrder() {
        for count in [1, 2, 5] {
            #expect(Workers(count: count).map(13) { $0 * $0 } == (0..<13).map { $0 * $0 })
        }
        #expect(Workers(count: 2).map(0) { $0 }.isEmpty)
    }
}
