import Crypto
import Foundation

/// Writes safetensors files.
public enum SafetensorsWriter {
    /// Writes F32 tensors in the order given, atomically and without copying them.
    ///
    /// The header is padded so that the data starts at a multiple of 64 bytes.
    /// - Parameters:
    ///   - tensors: name, shape and row-major values of each; names must differ.
    ///   - metadata: strings for the header. `format: pt`, which Hugging Face's loader requires, is added if absent.
    ///   - url: the file, replaced if it exists.
    /// - Returns: SHA-256 of what was written.
    /// - Throws: ``IOIError`` naming the file if it cannot be written, or a tensor whose values do not match its shape.
    @discardableResult
    public static func write(
        _ tensors: [(name: String, shape: [Int], values: UnsafeBufferPointer<Float>)],
        metadata: [String: String] = [:],
        to url: URL
    ) throws -> String {
        let header = try header(tensors, metadata: metadata, path: url.path)
        let size = tensors.reduce(header.utf8.count + 8) { $0 + 4 * $1.values.count }
        var hash = SHA256()
        try AtomicFile.write(to: url, expectedSize: size) { writer in
            func write(_ bytes: UnsafeRawBufferPointer) throws {
                hash.update(bufferPointer: bytes)
                try writer.write(bytes)
            }
            try withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, write)
            try Data(header.utf8).withUnsafeBytes(write)
            for tensor in tensors { try write(UnsafeRawBufferPointer(tensor.values)) }
        }
        return Digest.hexadecimal(hash.finalize())
    }

    private static func header(
        _ tensors: [(name: String, shape: [Int], values: UnsafeBufferPointer<Float>)],
        metadata: [String: String],
        path: String
    ) throws -> String {
        var document = SafetensorsDocument(metadata: metadata.merging(["format": "pt"]) { given, _ in given })
        var offset = 0
        for (name, shape, values) in tensors {
            guard name != SafetensorsDocument.metadataKey, document.tensors[name] == nil else {
                throw IOIError("\(path): tensor \(name.quoted): found twice, expected names that differ")
            }
            guard shape.allSatisfy({ $0 >= 0 }), shape.reduce(1, *) == values.count else {
                throw IOIError(
                    "\(path): tensor \(name.quoted): found \(values.count) elements, "
                        + "expected those of shape \(shape)"
                )
            }
            let end = offset + 4 * values.count
            document.tensors[name] = SafetensorsDocument.Entry(
                dtype: SafetensorsDType.f32.rawValue, shape: shape.map(WholeNumber.init),
                dataOffsets: [WholeNumber(offset), WholeNumber(end)]
            )
            offset = end
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(document), as: UTF8.self)
        let padding = (64 - (8 + text.utf8.count) % 64) % 64
        return text + String(repeating: " ", count: padding)
    }
}
