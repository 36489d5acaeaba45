import Foundation
import TestSupport
import Testing

@testable import GPT2Kit
@testable import IOIKit

/// What is written of activations, in both forms.
@Suite struct ActivationExportTests {
    private static let workers = Workers(count: 2)

    private static func subject(count: Int = 7) throws -> (model: GPT2, dataset: TaskDataset) {
        let model = try TemporaryModel.shared.load()
        return (model, try PromptSource(count: count).data(for: model))
    }

    private static func export(
        _ sites: [Site],
        layers: [Int]? = nil,
        rows: ActivationExport.Rows = .selection(.all),
        memory: Int = 1 << 30
    ) throws -> ActivationExport {
        let (model, dataset) = try subject()
        return try ActivationExport(
            sites, layers: layers, rows: rows, of: dataset, model,
            settings: RunSettings(workers: workers, memory: memory))
    }

    /// The bytes of each tensor's data.
    private static func contents(_ url: URL) throws -> [String: Data] {
        let (file, data) = (try SafetensorsFile(contentsOf: url), try Data(contentsOf: url))
        return file.tensors.mapValues { data[$0.byteRange] }
    }

    private static func integers(_ data: Data) -> [Int] {
        data.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 8).map {
                Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self)))
            }
        }
    }

    @Test func tokensAndPositionsAreInside() throws {
        let (model, dataset) = try Self.subject()
        let export = try Self.export([.z], layers: [1], rows: .names)
        let folder = try ModelTestFolder()
        let url = folder.file("acts.safetensors")
        try export.write(to: url, as: .safetensors)
        let contents = try Self.contents(url)
        let prompts = dataset.prompts
        func integers(_ name: String) throws -> [Int] { Self.integers(try #require(contents[name])) }
        #expect(try integers("tokens") == prompts.flatMap(\.tokens))
        #expect(try integers("prompt_offsets").last == prompts.flatMap(\.tokens).count)
        #expect(try integers("prompt_ids") == prompts.map(\.id))
        #expect(export.positions == PositionName.ioi)
        for name in PositionName.ioi {
            #expect(try integers("positions.\(name)") == prompts.map { $0.positions[name]! })
        }
        #expect(try integers("row_prompts") == prompts.indices.flatMap { Array(repeating: $0, count: 5) })
        #expect(
            try integers("row_positions")
                == prompts.flatMap { prompt in PositionName.ioi.map { prompt.positions[$0]! } })
        let file = try SafetensorsFile(contentsOf: url)
        #expect(try file.tensor("tokens").dtype == .i64)
        #expect(try file.tensor("blocks.1.attn.hook_z").shape == [35, 4, 8])
        #expect(file.metadata["model_sha256"] == (try model.sha256()) && file.metadata["format"] == "pt")
        #expect(file.metadata["dataset_sha256"] == DatasetRecord(dataset).sha256)
        let texts = try #require(file.metadata["texts"])
        #expect(try JSONDecoder().decode([String].self, from: Data(texts.utf8)) == prompts.map(\.text))
    }

    /// However little memory there is, and whatever the form.
    @Test func theValuesAreTheSame() throws {
        let folder = try ModelTestFolder()
        let whole = folder.file("whole.safetensors")
        try Self.export(Site.allCases).write(to: whole, as: .safetensors)
        let expected = try Self.contents(whole)
        let (small, arrays) = (folder.file("small.safetensors"), folder.file("arrays"))
        try Self.export(Site.allCases, memory: 1).write(to: small, as: .safetensors)
        let found = try Self.contents(small)
        #expect(found.keys.sorted() == expected.keys.sorted())
        let shape = { (name: String) in try SafetensorsFile(contentsOf: whole).tensor(name) }
        for (name, data) in expected {
            let isFloat = try shape(name).dtype == .f32
            // Products of fewer rows round otherwise.
            let other = try SafetensorsFile(contentsOf: small)
            if isFloat {
                let values = try SafetensorsFile(contentsOf: whole).values(name)
                #expect(relativeError(try other.values(name), values) < 1e-5, "\(name)")
            } else {
                #expect(found[name] == data, "\(name)")
            }
        }
        try Self.export(Site.allCases).write(to: arrays, as: .npy)
        for (name, data) in expected {
            let tensor = try shape(name)
            let file = try Data(contentsOf: arrays.appendingPathComponent("\(name).npy"))
            let head = NPYFolder.head(TensorForm(name, tensor.dtype, tensor.shape))
            #expect(head.count % 64 == 0 && file.prefix(head.count) == head, "\(name)")
            let text = String(decoding: head[10...], as: UTF8.self)
            #expect(text.contains("'descr': '\(tensor.dtype == .f32 ? "<f4" : "<i8")'") && text.hasSuffix("\n"))
            #expect(file.dropFirst(head.count) == data, "\(name)")
        }
        let metadata = try Data(contentsOf: arrays.appendingPathComponent("metadata.json"))
        let object = try #require(try JSONSerialization.jsonObject(with: metadata) as? [String: Any])
        #expect((object["texts"] as? [String])?.count == 7 && object["layers"] as? [Int] == [0, 1])
        let names = try FileManager.default.contentsOfDirectory(atPath: arrays.path)
        #expect(Set(names) == Set(expected.keys.map { "\($0).npy" } + ["metadata.json"]))
    }

    @Test func anInterruptionLeavesNothing() throws {
        struct Stop: Error {}
        let folder = try ModelTestFolder()
        let (file, arrays) = (folder.file("acts.safetensors"), folder.file("arrays"))
        try Data("before".utf8).write(to: file)
        for (url, form) in [(file, ActivationExport.Form.safetensors), (arrays, .npy)] {
            let export = try Self.export([.z, .pattern], memory: 1)
            var done = 0
            #expect(throws: Stop.self) {
                try export.write(to: url, as: form) {
                    done = $0
                    if done == 3 { throw Stop() }
                }
            }
            #expect(done == 3)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: file.deletingLastPathComponent().path)
        #expect(left == ["acts.safetensors"])
        #expect(try Data(contentsOf: file) == Data("before".utf8))
    }

    @Test func whatDoesNotFitIsRefused() throws {
        expectError(containing: "layers: found 2, expected 0 to 1") { _ = try Self.export([.z], layers: [0, 2]) }
        expectError(containing: "position: found the position X", "END") {
            _ = try Self.export([.z], rows: .selection(.one(PositionName("X")!)))
        }
        expectError(containing: "sites: found none") { _ = try Self.export([]) }
        expectError(containing: "found the extension .npz, expected .safetensors") {
            _ = try ActivationExport.Form(path: "a/b.npz")
        }
        #expect(try ActivationExport.Form(path: "a/b") == .npy && ActivationExport.Form(path: "a.b/") == .npy)
        #expect(try ActivationExport.Form(path: "b.safetensors") == .safetensors)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("x")
        expectError(containing: "1000000.0 TB, more than the", "free on the disk") {
            try DiskSpace.check(1e18, for: file)
        }
        try DiskSpace.check(1, for: file)
        #expect(DiskSpace.size(1_234_567) == "1.2 MB" && DiskSpace.size(12) == "0.0 kB")
    }

    @Test func piecesAreCounted() throws {
        let folder = try ModelTestFolder()
        let url = folder.file("t.safetensors")
        let forms = [TensorForm("a", .i64, [3]), TensorForm("b", .f32, [2, 2])]
        let floats: [Float] = [1, 2, 3, 4]
        func write(_ fill: (TensorPieces) throws -> Void) throws {
            try SafetensorsWriter.write(forms, to: url, fill: fill)
        }
        expectError(containing: "tensor \"b\": found 0 bytes, expected 16") {
            try write { try $0.append([1, 2, 3], to: "a") }
        }
        expectError(containing: "tensor \"a\": found more values, expected those of [3]") {
            try write { try $0.append([1, 2, 3, 4], to: "a") }
        }
        expectError(containing: "found no I64 tensor \"b\"") { try write { try $0.append([1], to: "b") } }
        #expect(!FileManager.default.fileExists(atPath: url.path))
        // Side by side, in any order.
        try write { pieces in
            try floats.withUnsafeBufferPointer { try pieces.append(UnsafeBufferPointer(rebasing: $0[..<3]), to: "b") }
            try pieces.append([-7], to: "a")
            try floats.withUnsafeBufferPointer { try pieces.append(UnsafeBufferPointer(rebasing: $0[3...]), to: "b") }
            try pieces.append([1 << 40, 9], to: "a")
        }
        let contents = try Self.contents(url)
        #expect(Self.integers(try #require(contents["a"])) == [-7, 1 << 40, 9])
        #expect(try SafetensorsFile(contentsOf: url).values("b") == floats)
    }
}
