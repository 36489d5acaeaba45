import Foundation
import GPT2Kit
import Testing

/// A model with what PyTorch computes from it in float64 (Scripts/make-engine-fixtures.py).
package struct ReferenceModel: CustomTestStringConvertible, Sendable {
    package struct Batch: Decodable {
        package struct Optimisation: Decodable {
            package let lr: Double
            package let weightDecay: Double
            package let betas: [Double]
            package let eps: Double
            package let lossesAnswer: [Double]
            package let lossesAll: [Double]
        }

        package let prompts: [[Int]]
        package let answers: [Int]
        package let lossAnswer: Double
        package let lossAll: Double
        package let adamw: Optimisation
    }

    /// A run with dropout.
    package struct DropoutRun: Decodable {
        package let rate: Double
        package let seed: UInt64
        package let step: Int
        package let loss: Double
    }

    package let folder: URL

    package init(folder: URL) { self.folder = folder }

    package var testDescription: String { folder.lastPathComponent }

    /// Those that are kept here, and those in the folder that IOI_PARITY_FIXTURES names.
    package static let all: [ReferenceModel] = {
        let fixtures = Fixtures.folder.appendingPathComponent("gpt2")
        let more = ProcessInfo.processInfo.environment["IOI_PARITY_FIXTURES"]
        return ([fixtures] + (more.map { [URL(fileURLWithPath: $0)] } ?? [])).flatMap { parent in
            let names = try! FileManager.default.contentsOfDirectory(atPath: parent.path).sorted()
            return names.map { ReferenceModel(folder: parent.appendingPathComponent($0)) }.filter {
                FileManager.default.fileExists(atPath: $0.folder.appendingPathComponent("batch.json").path)
            }
        }
    }()

    package func batch() throws -> Batch {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Batch.self, from: Data(contentsOf: folder.appendingPathComponent("batch.json")))
    }

    package func dropout() throws -> DropoutRun {
        let file = folder.appendingPathComponent("dropout.json")
        return try JSONDecoder().decode(DropoutRun.self, from: Data(contentsOf: file))
    }

    package func parameters(workers: Workers) throws -> GPT2Parameters {
        let config = try GPT2Config(contentsOf: folder.appendingPathComponent("config.json"))
        let weights = folder.appendingPathComponent("model.safetensors")
        return try GPT2Parameters(contentsOf: weights, config: config, workers: workers)
    }

    package func tensors(_ name: String) throws -> SafetensorsFile {
        try SafetensorsFile(contentsOf: folder.appendingPathComponent("\(name).safetensors"))
    }
}

extension SafetensorsFile {
    package func values(_ name: String) throws -> [Float] {
        let tensor = try tensor(name)
        return try [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
            count = tensor.count
            try copy(name, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        }
    }
}

/// The largest difference, as a share of the largest expected value.
package func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count, !expected.isEmpty else { return .infinity }
    var (difference, scale) = (0.0, 0.0)
    for (found, expected) in zip(found, expected) {
        guard found.isFinite else { return .infinity }
        difference = max(difference, abs(Double(found) - Double(expected)))
        scale = max(scale, abs(Double(expected)))
    }
    return scale == 0 ? difference : difference / scale
}
