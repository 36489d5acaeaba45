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
        for (name, shape, values) in tensors
        where shape.contains(where: { $0 < 0 }) || shape.reduce(1, *) != values.count {
            throw IOIError(
                "\(url.path): tensor \(name.quoted): found \(values.count) elements, expected those of shape \(shape)")
        }
        return try write(
            bytes: tensors.map { (TensorForm($0.name, .f32, $0.shape), UnsafeRawBufferPointer($0.values)) },
            metadata: metadata,
            to: url
        )
    }

    /// Writes tensors in the order given, of any type, as ``write(_:metadata:to:)``.
    ///
    /// - Parameters:
    ///   - tensors: name, type and shape of each, and its row-major values, as many as of its shape.
    ///   - metadata: strings for the header.
    ///   - url: the file, replaced if it exists.
    /// - Returns: SHA-256 of what was written.
    /// - Throws: ``IOIError`` naming the file if it cannot be written.
    @discardableResult
    package static func write(
        bytes tensors: [(form: TensorForm, bytes: UnsafeRawBufferPointer)],
        metadata: [String: String] = [:],
        to url: URL
    ) throws -> String {
        let layout = try SafetensorsLayout(tensors.map(\.form), metadata: metadata, path: url.path)
        var hash = SHA256()
        try AtomicFile.write(to: url, expectedSize: layout.size) { writer in
            func write(_ bytes: UnsafeRawBufferPointer) throws {
                hash.update(bufferPointer: bytes)
                try writer.write(bytes)
            }
            try layout.head.withUnsafeBytes(write)
            for tensor in tensors { try write(tensor.bytes) }
        }
        return Digest.hexadecimal(hash.finalize())
    }

    /// Writes tensors piece by piece, atomically: they may be larger than the memory, and grow side by side.
    ///
    /// - Parameters:
    ///   - tensors: what will be written, in the order of the file; names must differ.
    ///   - metadata: as of ``write(_:metadata:to:)``.
    ///   - url: a file, replaced if it exists; no pipe.
    ///   - fill: gives each tensor all of its values; see ``TensorPieces``.
    /// - Throws: ``IOIError`` naming the file if it cannot be written, or a tensor that was not filled; what `fill` throws.
    package static func write(
        _ tensors: [TensorForm],
        metadata: [String: String] = [:],
        to url: URL,
        fill: (TensorPieces) throws -> Void
    ) throws {
        let layout = try SafetensorsLayout(tensors, metadata: metadata, path: url.path)
        try AtomicFile.write(to: url, expectedSize: layout.size) { writer in
            try writer.write(layout.head)
            let places = try writer.places()
            let pieces = TensorPieces(tensors, path: url.path) { tensor, offset, bytes in
                try places.write(bytes, at: layout.starts[tensor] + offset)
            }
            try fill(pieces)
            try pieces.finish()
        }
    }
}

/// The name, type and shape of a tensor to write.
package struct TensorForm: Equatable, Sendable {
    package let name: String
    package let dtype: SafetensorsDType
    package let shape: [Int]

    package init(_ name: String, _ dtype: SafetensorsDType, _ shape: [Int]) {
        (self.name, self.dtype, self.shape) = (name, dtype, shape)
    }

    package var byteCount: Int { shape.reduce(1, *) * dtype.bits / 8 }
}

/// Takes the values of tensors, in row-major order, a piece at a time.
package final class TensorPieces {
    private let tensors: [TensorForm]
    private let path: String
    private let places: [String: Int]
    /// How much of each tensor is written. [bytes]
    private var written: [Int]
    private let write: (_ tensor: Int, _ offset: Int, UnsafeRawBufferPointer) throws -> Void

    /// - Parameter write: writes bytes of a tensor, from an offset in it.
    package init(
        _ tensors: [TensorForm],
        path: String,
        write: @escaping (_ tensor: Int, _ offset: Int, UnsafeRawBufferPointer) throws -> Void
    ) {
        (self.tensors, self.path, self.write) = (tensors, path, write)
        places = Dictionary(uniqueKeysWithValues: tensors.enumerated().map { ($1.name, $0) })
        written = Array(repeating: 0, count: tensors.count)
    }

    /// Adds values of an F32 tensor.
    ///
    /// - Throws: ``IOIError`` if they are more than its shape has room for, or cannot be written.
    package func append(_ values: UnsafeBufferPointer<Float>, to name: String) throws {
        try append(UnsafeRawBufferPointer(values), .f32, to: name)
    }

    /// Adds values of an I64 tensor.
    ///
    /// - Throws: ``IOIError`` if they are more than its shape has room for, or cannot be written.
    package func append(_ values: [Int], to name: String) throws {
        try values.map { Int64($0).littleEndian }.withUnsafeBytes { try append($0, .i64, to: name) }
    }

    private func append(_ bytes: UnsafeRawBufferPointer, _ dtype: SafetensorsDType, to name: String) throws {
        guard let place = places[name], tensors[place].dtype == dtype else {
            throw IOIError("\(path): found no \(dtype.rawValue) tensor \(name.quoted), expected one to write to")
        }
        let (before, size) = (written[place], tensors[place].byteCount)
        guard before + bytes.count <= size else {
            throw IOIError(
                "\(path): tensor \(name.quoted): found more values, expected those of \(tensors[place].shape)")
        }
        try write(place, before, bytes)
        written[place] += bytes.count
    }

    /// - Throws: ``IOIError`` naming a tensor that lacks values.
    package func finish() throws {
        for (tensor, written) in zip(tensors, written) where written < tensor.byteCount {
            throw IOIError(
                "\(path): tensor \(tensor.name.quoted): found \(written) bytes, expected \(tensor.byteCount)")
        }
    }
}

/// Where the parts of a safetensors file lie.
struct SafetensorsLayout {
    /// The length of the header and the header.
    let head: Data
    /// Where the data of each tensor starts in the file.
    let starts: [Int]
    /// The length of the file. [bytes]
    let size: Int

    /// - Parameters:
    ///   - tensors: in the order of the file; lengths are 0 or more.
    ///   - metadata: strings for the header.
    ///   - path: names the file in errors.
    /// - Throws: ``IOIError`` naming a tensor that is there twice, or a header that is too long.
    init(_ tensors: [TensorForm], metadata: [String: String], path: String) throws {
        var document = SafetensorsDocument(metadata: metadata.merging(["format": "pt"]) { given, _ in given })
        var (offset, offsets) = (0, [Int]())
        for tensor in tensors {
            guard tensor.name != SafetensorsDocument.metadataKey, document.tensors[tensor.name] == nil else {
                throw IOIError("\(path): tensor \(tensor.name.quoted): found twice, expected names that differ")
            }
            offsets.append(offset)
            let end = offset + tensor.byteCount
            document.tensors[tensor.name] = SafetensorsDocument.Entry(
                dtype: tensor.dtype.rawValue, shape: tensor.shape.map(WholeNumber.init),
                dataOffsets: [WholeNumber(offset), WholeNumber(end)]
            )
            offset = end
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = try encoder.encode(document)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (64 - (8 + text.count) % 64) % 64))
        guard text.count <= SafetensorsHeader.longest else {
            throw IOIError("\(path): a header of \(text.count) bytes, expected at most \(SafetensorsHeader.longest)")
        }
        head = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text
        starts = offsets.map { [count = head.count] in count + $0 }
        size = head.count + offset
    }
}
