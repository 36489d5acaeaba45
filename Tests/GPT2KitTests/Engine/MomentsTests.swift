import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

/// AdamW's moments in bfloat16, rounded at random.
@Suite struct MomentsTests {
    static let seed: UInt64 = 7
    let config = try! GPT2Config(vocabularySize: 131, contextLength: 9, width: 45, layers: 2, heads: 3)
    let workers = Workers(count: 2)

    /// The hash that the kernel takes its random bits from, one element at a time.
    static func random(_ element: Int, of name: String, step: Int) -> UInt32 {
        var generator = SeededGenerator(seed, "moments \(name)", step)
        let key = generator.next()
        var x = UInt32(truncatingIfNeeded: key) &+ UInt32(element)
        x = ((x ^ x >> 16) &* 0x7feb_352d) ^ UInt32(key >> 32)
        x = (x ^ x >> 15) &* 0x846c_a68b
        return x ^ x >> 16
    }

    /// One of the two bfloat16 numbers around `x`, in double: the one farther from 0 with a probability of the share of
    /// their distance by which `x` exceeds the nearer one.
    static func rounded(_ x: Float, _ random: UInt32) -> Float {
        let below = Float(bitPattern: x.bitPattern & 0xffff_0000)
        let above = Float(bitPattern: below.bitPattern + 0x1_0000)
        let share = (Double(x) - Double(below)) / (Double(above) - Double(below))
        return share + Double(random) / 65536 >= 1 ? above : below
    }

    /// Each update is that of single precision on the moments as they were rounded, bit for bit; then they are rounded.
    @Test(arguments: [nil, 0.5])
    func anUpdateIsThatOfSinglePrecision(_ clip: Double?) throws {
        let settings = AdamW.Settings(learningRate: 0.01, weightDecay: 0.3, clip: clip)
        let parameters = GPT2Parameters(random: config, seed: 1, deviation: 0.5, workers: workers)
        var optimizer = AdamW(config, moments: .bf16, seed: Self.seed)
        let names = parameters.entries.map(\.name)
        for step in 1...3 {
            let gradients = GPT2Parameters(random: config, seed: UInt64(step), deviation: 0.3, workers: workers)
            let before = names.map { parameters.values(of: $0)! }
            let moments = [optimizer.first, optimizer.second].map { moments in names.map { moments.values(of: $0)! } }
            optimizer.update(parameters, gradients: gradients, settings: settings, workers: workers)
            let scale = clip.map { Float(min(1, $0 / gradients.norm(workers: workers))) } ?? 1
            for (index, name) in names.enumerated() {
                var (p, m, v) = (before[index], moments[0][index], moments[1][index])
                var g = gradients.values(of: name)!
                AdamW.move(
                    &p, gradient: &g, first: &m, second: &v, count: p.count, scale: scale, step: step,
                    decays: parameters.entries[index].isMatrix, settings: settings, workers: workers
                )
                #expect(parameters.values(of: name)!.map(\.bitPattern) == p.map(\.bitPattern), "\(name)")
                let draws = p.indices.map { Self.random($0, of: name, step: step) }
                #expect(optimizer.first.values(of: name)! == zip(m, draws).map { Self.rounded($0, $1 & 0xffff) })
                #expect(optimizer.second.values(of: name)! == zip(v, draws).map { Self.rounded($0, $1 >> 16) })
            }
        }
    }

    /// The mean of a number rounded many times is the number; the two moments, neighbours and steps are rounded apart.
    @Test func theMeanIsTheNumber() throws {
        let config = try GPT2Config(vocabularySize: 4096, contextLength: 4, width: 32, layers: 1, heads: 1)
        let parameters = GPT2Parameters(zeros: config)
        let gradients = GPT2Parameters(zeros: config)
        var settings = AdamW.Settings(learningRate: 1e-3)
        (settings.beta1, settings.beta2) = (0, 0)
        var optimizer = AdamW(config, moments: .bf16, seed: Self.seed)
        var last: [Bool]?
        for slope: Float in [0.3, -1.3, 2e-9, 0.3] {
            gradients.tokenTable.fill(slope)
            optimizer.update(parameters, gradients: gradients, settings: settings, workers: workers)
            var ups: [[Bool]] = []
            for (moments, value) in [(optimizer.first, slope), (optimizer.second, slope * slope)] {
                let found = moments.values(of: "wte.weight")!
                let below = Float(bitPattern: value.bitPattern & 0xffff_0000)
                let above = Float(bitPattern: below.bitPattern + 0x1_0000)
                #expect(found.allSatisfy { $0 == below || $0 == above })
                let share = (Double(value) - Double(below)) / (Double(above) - Double(below))
                #expect(share > 0.05 && share < 0.95)
                let count = Double(found.count)
                let mean = found.reduce(0) { $0 + Double($1) } / count
                let deviation = abs(Double(above) - Double(below)) * (share * (1 - share) / count).squareRoot()
                #expect(abs(mean - Double(value)) < 5 * deviation)
                ups.append(found.map { $0 == above })
            }
            let neighbours = (Array(ups[0].dropLast()), Array(ups[0].dropFirst()))
            for (a, b) in [(ups[0], ups[1]), neighbours] + (last.map { [(ups[0], $0)] } ?? []) {
                #expect(abs(Self.correlation(a, b)) < 5 / Double(a.count).squareRoot())
            }
            last = ups[0]
        }
    }

    private static func correlation(_ a: [Bool], _ b: [Bool]) -> Double {
        let count = Double(a.count)
        let (x, y) = (Double(a.filter { $0 }.count) / count, Double(b.filter { $0 }.count) / count)
        let both = Double(zip(a, b).filter { $0 && $1 }.count) / count
        return (both - x * y) / (x * (1 - x) * y * (1 - y)).squareRoot()
    }

    @Test func numbersThatAreNotFiniteStay() throws {
        let (parameters, gradients) = (GPT2Parameters(zeros: config), GPT2Parameters(zeros: config))
        let special = [0, Float.nan, .infinity, -.infinity, Float(bitPattern: 0x7fff_ffff)]
        for (index, value) in special.enumerated() { gradients.tokenTable.base[index] = value }
        var settings = AdamW.Settings()
        settings.beta1 = 0
        var optimizer = AdamW(config, moments: .bf16, seed: Self.seed)
        optimizer.update(parameters, gradients: gradients, settings: settings, workers: workers)
        let found = optimizer.first.values(of: "wte.weight")!
        #expect(found[0] == 0 && found[1].isNaN && found[2] == .infinity && found[3] == -.infinity && found[4].isNaN)
        #expect(found[5...].allSatisfy { $0 == 0 })
    }

    @Test(arguments: [2, 3, 7])
    func threadsAndPartsChangeNothing(_ threads: Int) throws {
        func moved(_ threads: Int, piecewise: Bool) -> [[UInt32]] {
            let workers = Workers(count: threads)
            let parameters = GPT2Parameters(random: config, seed: 1, workers: self.workers)
            let gradients = GPT2Parameters(random: config, seed: 2, workers: self.workers)
            var optimizer = AdamW(config, moments: .bf16, seed: Self.seed)
            for step in 1...2 {
                guard piecewise else {
                    optimizer.update(parameters, gradients: gradients, settings: AdamW.Settings(), workers: workers)
                    continue
                }
                // Some end inside a tensor.
                let cuts = [0, 5, parameters.count / 3 | 1, 2 * parameters.count / 3 + 7, parameters.count]
                for (start, end) in zip(cuts, cuts.dropFirst()).reversed() {
                    optimizer.move(
                        start..<end, of: parameters, gradients: gradients, step: step, settings: AdamW.Settings(),
                        workers: workers
                    )
                }
            }
            return parameters.entries.flatMap { entry in
                [
                    parameters.values(of: entry.name)!, optimizer.first.values(of: entry.name)!,
                    optimizer.second.values(of: entry.name)!,
                ].map { $0.map(\.bitPattern) }
            }
        }
        let one = moved(1, piecewise: false)
        #expect(moved(threads, piecewise: false) == one && moved(threads, piecewise: true) == one)
    }

    @Test(arguments: MomentPrecision.allCases)
    func whatIsWrittenIsRead(_ precision: MomentPrecision) throws {
        let folder = try ModelTestFolder()
        var optimizer = AdamW(config, moments: precision, seed: Self.seed)
        optimizer.update(
            GPT2Parameters(zeros: config), gradients: GPT2Parameters(random: config, seed: 2, workers: workers),
            settings: AdamW.Settings(), workers: workers
        )
        let url = folder.file("optimizer.safetensors")
        try SafetensorsWriter.write(
            bytes: optimizer.first.tensors(prefix: "a.") + optimizer.second.tensors(prefix: "b."), to: url)
        let file = try SafetensorsFile(contentsOf: url)
        for (prefix, moments) in [("a.", optimizer.first), ("b.", optimizer.second)] {
            let read = try Moments(
                file, prefix: prefix, config: config, precision: precision, values: [0..<Int.max], workers: workers)
            for entry in GPT2Parameters.entries(of: config) {
                #expect(try file.tensor(prefix + entry.name).dtype == precision.type)
                #expect(read.values(of: entry.name)! == moments.values(of: entry.name)!)
                #expect(read.values(of: entry.name)!.contains { $0 != 0 } == entry.name.hasSuffix("weight"))
            }
        }
        let other: MomentPrecision = precision == .fp32 ? .bf16 : .fp32
        let error = #expect(throws: IOIError.self) {
            try Moments(
                file, prefix: "a.", config: config, precision: other, values: [0..<Int.max], workers: workers)
        }
        #expect(
            error?.description == "\(url.path): tensor \"a.wte.weight\": found shape [131, 45] of "
                + "\(precision.type.rawValue), expected [131, 45] of \(other.type.rawValue)")
    }
}
