import Foundation

/// Writes safetensors files.
public enum SafetensorsWriter {
    /// Writes F32 tensors in the order given, atomically, straight from their memory.
    ///
    /// The header is padded so that the data starts at a multiple of 64 bytes.
    /// - Parameters:
    ///   - tensors: name, shape and row-major numbers of each; names have to differ.
    ///   - metadata: strings for the header. Hugging Face's loader demands `format: pt`, which is added where
    ///     absent.
    ///   - url: the file, replaced where it exists.
    /// - Throws: `IOIError` naming the file where the system refuses, or a tensor whose numbers do not fit
    ///   its shape.
    public static func write(
        _ tensors: [(name: String, shape: [Int], values: UnsafeBufferPointer<Float>)],
        metadata: [String: String] = [:],
        to url: URL
    ) throws {
        let header = try header(tensors, metadata: metadata, path: url.path)
        let size = tensors.reduce(header.utf8.count + 8) { $0 + 4 * $1.values.count }
        try AtomicFile.write(to: url, expectedSize: size) { writer in
            try withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes in try writer.write(bytes)
            }
            try writer.write(header)
            for tensor in tensors { try writer.write(UnsafeRawBufferPointer(tensor.values)) }
        }
    }

    private static func header(
        _ tensors: [(name: String, shape: [Int], values: UnsafeBufferPointer<Float>)],
        metadata: [String: String],
        path: String
    ) throws -> String {
        let metadata = metadata.merging(["format": "pt"]) { given, _ in given }.sorted { $0.key < $1.key }
            .map { StrictJSON.literal($0.key) + ":" + StrictJSON.literal($0.value) }
        var entries = ["\"\(SafetensorsHeader.metadataKey)\":{\(metadata.joined(separator: ","))}"]
        var names: Set = [SafetensorsHeader.metadataKey]
        var offset = 0
        for (name, shape, values) in tensors {
            guard names.insert(name).inserted else {
                throw IOIError(
                    "\(path): tensor \(StrictJSON.quote(name)): found twice, expected names that differ"
                )
            }
            guard shape.allSatisfy({ $0 >= 0 }), shape.reduce(1, *) == values.count else {
                throw IOIError(
                    "\(path): tensor \(StrictJSON.quote(name)): found \(values.count) elements, "
                        + "expected those of shape \(shape)"
                )
            }
            let end = offset + 4 * values.count
            let axes = shape.map(String.init).joined(separator: ",")
            entries.append(
                "\(StrictJSON.literal(name)):{\"dtype\":\"F32\","
                    + "\"shape\":[\(axes)],\"data_offsets\":[\(offset),\(end)]}"
            )
            offset = end
        }
        let text = "{" + entries.joined(separator: ",") + "}"
        let padding = (64 - (8 + text.utf8.count) % 64) % 64
        return text + String(repeating: " ", count: padding)
    }
}
