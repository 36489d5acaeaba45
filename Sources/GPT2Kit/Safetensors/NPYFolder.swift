import Foundation

/// Writes a folder of NumPy's `.npy` files, one a tensor.
package enum NPYFolder {
    /// Writes tensors piece by piece, atomically: they may be larger than the memory, and grow side by side.
    ///
    /// - Parameters:
    ///   - tensors: what will be written; the file of each is NAME.npy.
    ///   - files: others to put beside them, by name.
    ///   - url: a folder, which must not exist.
    ///   - fill: gives each tensor all of its values; see ``TensorPieces``.
    /// - Throws: ``IOIError`` naming the file that cannot be written, or a tensor that was not filled; what `fill` throws.
    package static func write(
        _ tensors: [TensorForm],
        beside files: [String: Data],
        to url: URL,
        fill: (TensorPieces) throws -> Void
    ) throws {
        try AtomicFolder.create(at: url) { folder in
            for (name, contents) in files { try AtomicFile.write(contents, to: folder.appendingPathComponent(name)) }
            let heads = tensors.map(head)
            for (tensor, head) in zip(tensors, heads) {
                try head.withUnsafeBytes { try write($0, at: 0, of: tensor, in: folder) }
            }
            let pieces = TensorPieces(tensors, path: url.path) { tensor, offset, bytes in
                try write(bytes, at: heads[tensor].count + offset, of: tensors[tensor], in: folder)
            }
            try fill(pieces)
            try pieces.finish()
        }
    }

    /// Opens and closes the file: there may be more tensors than a process may have open files.
    private static func write(_ bytes: UnsafeRawBufferPointer, at offset: Int, of tensor: TensorForm, in folder: URL)
        throws
    {
        let path = folder.appendingPathComponent("\(tensor.name).npy").path
        let descriptor = systemOpen(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw outputError(path, errno) }
        defer { close(descriptor) }
        try FilePlaces(descriptor: descriptor, path: path, expectedSize: nil).write(bytes, at: offset)
    }

    /// The header of version 1.0: its data starts at a multiple of 64 bytes.
    static func head(_ tensor: TensorForm) -> Data {
        let type = tensor.dtype == .i64 ? "<i8" : "<f4"
        let shape = tensor.shape.map { "\($0)," }.joined(separator: " ")
        var text = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }".utf8)
        text += Array(repeating: UInt8(ascii: " "), count: 63 - (10 + text.count) % 64) + [UInt8(ascii: "\n")]
        let length = UInt16(text.count)
        return Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + text)
    }
}
