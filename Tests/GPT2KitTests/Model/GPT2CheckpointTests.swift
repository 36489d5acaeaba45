import Foundation
import TestSupport
import Testing

@testable import GPT2Kit

@Suite struct GPT2CheckpointTests {
    let workers = Workers(count: 2)
    let config = try! GPT2Config(vocabularySize: 11, contextLength: 4, width: 6, layers: 2, heads: 2)
    let folder = try! ModelTestFolder()

    /// A checkpoint with more tensors than a model has, and maybe without the prefix.
    func write(prefix: String = "transformer.", more: [(String, [Int], [Float])] = []) throws -> URL {
        let parameters = GPT2Parameters(random: config, seed: 5, deviation: 0.3, workers: workers)
        let arena = Arena(count: 10_000)
        let extra = more.map { name, shape, values in
            let view = arena.take(1, values.count)
            for (i, value) in values.enumerated() { view.base[i] = value }
            return (name: name, shape: shape, values: view.row(0))
        }
        let file = folder.file("\(UUID().uuidString).safetensors")
        try SafetensorsWriter.write(parameters.tensors(prefix: prefix) + extra, to: file)
        return file
    }

    func read(_ file: URL) throws -> GPT2Parameters {
        try GPT2Parameters(contentsOf: file, config: config, workers: workers)
    }

    func values(_ parameters: GPT2Parameters) -> [[Float]] {
        parameters.entries.map { parameters.values(of: $0.name)! }
    }

    @Test func prefixMasksAndATiedUnembeddingMakeNoDifference() throws {
        let expected = values(try read(write()))
        let table = expected[0]
        let masks: [(String, [Int], [Float])] = [
            ("h.0.attn.bias", [1, 1, 2, 2], [1, 0, 1, 1]), ("h.0.attn.masked_bias", [], [-1e4]),
            ("lm_head.weight", [11, 6], table),
        ]
        #expect(values(try read(write(prefix: "", more: masks))) == expected)
    }

    @Test func whatWouldBeLostIsRefused() throws {
        let stranger = #expect(throws: IOIError.self) { try read(write(more: [("score.weight", [2], [1, 2])])) }
        #expect(stranger!.description.contains("tensor score.weight is not part of a GPT-2"))
        let untied = [("lm_head.weight", [11, 6], [Float](repeating: 0.5, count: 66))]
        let head = #expect(throws: IOIError.self) { try read(write(more: untied)) }
        #expect(head!.description.contains("expected the two to be tied"))
    }

    @Test func anInfinityIsNamed() throws {
        let parameters = GPT2Parameters(random: config, seed: 5, workers: workers)
        parameters.blocks[1].innerBias.base[3] = .infinity
        let file = folder.file("infinite.safetensors")
        try SafetensorsWriter.write(parameters.tensors(), to: file)
        let error = #expect(throws: IOIError.self) { try read(file) }
        #expect(error!.description.contains("h.1.mlp.c_fc.bias"))
    }

    /// The upper halves of float32 values, which is what bfloat16 is.
    @Test func bfloat16IsWidened() throws {
        let parameters = GPT2Parameters(random: config, seed: 5, deviation: 0.3, workers: workers)
        var (header, data) = ([String](), Data())
        for tensor in parameters.tensors() {
            let start = data.count
            for value in tensor.values {
                data.append(contentsOf: [2, 3].map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) })
            }
            header.append(
                "\"\(tensor.name)\":{\"dtype\":\"BF16\",\"shape\":\(tensor.shape),\"data_offsets\":[\(start),\(data.count)]}"
            )
        }
        let text = Data("{\(header.joined(separator: ","))}".utf8)
        let file = try folder.put(
            "half.safetensors", withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text + data)
        let expected = values(parameters).map { $0.map { Float(bitPattern: $0.bitPattern & 0xffff_0000) } }
        #expect(values(try read(file)) == expected)
    }

    @Test func trainingOnACopyLeavesTheFileAlone() throws {
        let file = try write()
        let before = try Digest.sha256(of: file)
        let (read, copy) = (try read(file), GPT2Parameters(copying: try read(file), workers: workers))
        #expect(values(copy) == values(read))
        copy.tokenTable.fill(0)
        read.positionTable.fill(0)
        #expect(values(read)[0] != values(copy)[0])
        #expect(try Digest.sha256(of: file) == before)
    }
}
