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
        let stranger = #expect(throws: IOIError.self) { try read(write(more: [("h.0.mlp.gate.weight", [2], [1, 2])])) }
        #expect(stranger!.description.contains("tensor \"h.0.mlp.gate.weight\" is not part of a GPT-2"))
        let untied = [("lm_head.weight", [11, 6], [Float](repeating: 0.5, count: 66))]
        let head = #expect(throws: IOIError.self) { try read(write(more: untied)) }
        #expect(head!.description.contains("expected the two to be tied"))
        expectError(containing: "merge_and_unload()") {
            try read(write(more: [("transformer.h.0.attn.c_attn.lora_A.default.weight", [2], [1, 2])]))
        }
    }

    @Test func wrappersAddToNames() throws {
        let expected = values(try read(write()))
        for prefix in [
            "_orig_mod.", "module.", "_orig_mod.transformer.", "module._orig_mod.transformer.",
            "transformer._orig_mod.",
            "module.transformer._orig_mod.",
        ] {
            #expect(values(try read(write(prefix: prefix))) == expected, "\(prefix)")
        }
        // Blocks compiled one by one.
        let parameters = try read(write())
        let file = folder.file("blocks.safetensors")
        let blocks = parameters.tensors().map { tensor in
            (tensor.name.replacing(/h\.(\d+)\./) { "h.\($0.1)._orig_mod." }, tensor.shape, tensor.values)
        }
        _ = try withExtendedLifetime(parameters) { try SafetensorsWriter.write(blocks, to: file) }
        #expect(values(try read(file)) == expected)
        let twice = [("_orig_mod.ln_f.bias", [6], [Float](repeating: 1, count: 6))]
        expectError(containing: "\"_orig_mod.ln_f.bias\"", "\"transformer.ln_f.bias\"", "expected one of the two") {
            try read(write(more: twice))
        }
    }

    @Test func otherHeadsAreLeftOut() throws {
        let heads: [(String, [Int], [Float])] = [
            ("v_head.summary.weight", [1, 6], [1, 2, 3, 4, 5, 6]), ("score.weight", [1, 6], [1, 2, 3, 4, 5, 6]),
            ("_orig_mod.classifier.bias", [1], [1]),
        ]
        let file = try write(more: heads)
        #expect(values(try read(file)) == values(try read(write())))
        #expect(
            try GPT2Checkpoint(contentsOf: file).otherHeads == [
                "classifier.bias", "score.weight", "v_head.summary.weight",
            ]
        )
    }

    /// Two shards and their index.
    func shards(_ change: (inout [String: String]) -> Void = { _ in }) throws -> URL {
        let place = folder.file(UUID().uuidString)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let parameters = GPT2Parameters(random: config, seed: 5, deviation: 0.3, workers: workers)
        let tensors = parameters.tensors()
        var map: [String: String] = [:]
        for (name, part) in [("a.safetensors", tensors[..<5]), ("b.safetensors", tensors[5...])] {
            try SafetensorsWriter.write(Array(part), to: place.appendingPathComponent(name))
            for tensor in part { map[tensor.name] = name }
        }
        withExtendedLifetime(parameters) {}
        change(&map)
        let index = place.appendingPathComponent("model.safetensors.index.json")
        try JSONEncoder().encode(["weight_map": map]).write(to: index)
        return index
    }

    @Test func shardsAreOneCheckpoint() throws {
        #expect(values(try read(shards())) == values(try read(write())))
        let gone = try shards()
        try FileManager.default.removeItem(at: gone.deletingLastPathComponent().appendingPathComponent("b.safetensors"))
        expectError(containing: "b.safetensors: cannot be read: No such file") { try read(gone) }
        expectError(containing: "tensor \"transformer.wte.weight\": not in \"b.safetensors\", where the index has it") {
            try read(shards { $0["transformer.wte.weight"] = "b.safetensors" })
        }
        expectError(containing: "tensor \"extra\": not in \"a.safetensors\"") {
            try read(shards { $0["extra"] = "a.safetensors" })
        }
        expectError(containing: "weight_map: found no tensors") { try read(shards { $0 = [:] }) }
        for outside in ["../a.safetensors", "/etc/passwd", "c/a.safetensors", "a.bin"] {
            expectError(containing: "weight_map: found the file \(outside.debugDescription)") {
                try read(shards { $0["transformer.wte.weight"] = outside })
            }
        }
        let double = try shards()
        let parameters = GPT2Parameters(random: config, seed: 5, deviation: 0.3, workers: workers)
        let second = double.deletingLastPathComponent().appendingPathComponent("b.safetensors")
        _ = try withExtendedLifetime(parameters) { try SafetensorsWriter.write(parameters.tensors(), to: second) }
        expectError(containing: "b.safetensors: tensor \"transformer.", "found a second time", "a.safetensors alone") {
            try read(double)
        }
    }

    @Test func whatIsNoSafetensorsFileIsNamed() throws {
        for (bytes, name) in [
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "a Git LFS pointer"),
            ([0x50, 0x4b, 3, 4, 20, 0, 9, 9, 9, 9], "a zip archive, as torch.save"),
            (Array("GGUF".utf8) + [3, 0, 0, 0, 1, 0], "a GGUF file"),
            ([0x80, 2, 0x8a, 10, 9, 9, 9, 9, 9], "a Python pickle"),
        ] {
            let file = try folder.put("model.safetensors", Data(bytes))
            expectError(containing: "found \(name)", "expected a safetensors file") { try read(file) }
        }
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
