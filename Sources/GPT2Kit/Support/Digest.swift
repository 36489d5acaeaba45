import Crypto
import Foundation

/// SHA-256 in hexadecimal.
public enum Digest {
    public static func sha256(of data: some DataProtocol) -> String {
        hexadecimal(SHA256.hash(data: data))
    }

    /// - Throws: ``IOIError`` if the file cannot be read.
    public static func sha256(of file: URL) throws -> String {
        // Mapped, so that half a gigabyte of weights is never in memory twice.
        guard let data = try? Data(contentsOf: file, options: .alwaysMapped) else {
            throw IOIError("\(file.path): cannot be read")
        }
        return sha256(of: data)
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        digest.map { String(format: "%02x", $0) }.joined()
    }
}
