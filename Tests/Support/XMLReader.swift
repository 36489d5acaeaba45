import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// The elements of a document with their attributes and text, in their order.
package final class XMLReader: NSObject, XMLParserDelegate {
    package private(set) var elements: [(name: String, attributes: [String: String], text: String)] = []
    private var open: [Int] = []

    package init(_ xml: Data) throws {
        super.init()
        let parser = XMLParser(data: xml)
        parser.delegate = self
        try #require(parser.parse(), "\(String(describing: parser.parserError))")
    }

    package func all(_ name: String) -> [[String: String]] { elements.filter { $0.name == name }.map(\.attributes) }

    package func parser(
        _ parser: XMLParser,
        didStartElement name: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes: [String: String]
    ) {
        open.append(elements.count)
        elements.append((name, attributes, ""))
    }

    package func parser(_ parser: XMLParser, didEndElement: String, namespaceURI: String?, qualifiedName: String?) {
        open.removeLast()
    }

    package func parser(_ parser: XMLParser, foundCharacters text: String) { elements[open.last!].text += text }
}
