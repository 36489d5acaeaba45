import Crypto
import Foundation

/// SHA-256 in hexadecimal.
public enum Digest {
    public static func sha256(of data: some DataProtocol) -> String {
        hexadecimal(SHA256.hash(data: data))
    }

    /// - Throws: ``IOIError`` if the file cannot be read.
    public static func sha256(of file: URL) throws -> String {
        let (descriptor, _) = try InputFile.open(file)
        defer { close(descriptor) }
        return try sha256(of: descriptor, path: file.path)
    }

    /// Of an open file.
    static func sha256(of descriptor: Int32, path: String) throws -> String {
        // A piece at a time: the pages of a mapping would count as this process's memory.
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        var hash = SHA256()
        var offset = 0
        while true {
            let count = pread(descriptor, piece.baseAddress, piece.count, off_t(offset))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw IOIError("\(path): cannot be read: \(systemError(errno))") }
            guard count > 0 else { return hexadecimal(hash.finalize()) }
            hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: piece[..<count]))
            offset += count
        }
    }

    static func hexadecimal(_ digest: SHA256.Digest) -> String {
        digest.map { String(format: "%02x", $0) }.joined()
    }
}
