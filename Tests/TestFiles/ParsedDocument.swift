import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The elements of a document, if it is well-formed.
package final class ParsedDocument: NSObject, XMLParserDelegate {
  package private(set) var elements: [(name: String, attributes: [String: String])] = []
  package private(set) var text = ""

  package static func parse(_ text: String) -> ParsedDocument? {
    let document = ParsedDocument()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = document
    return parser.parse() ? document : nil
  }

  package func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String] = [:]
  ) { elements.append((name, attributes)) }

  package func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  package subscript(name: String) -> [[String: String]] { elements.filter { $0.name == name }.map(\.attributes) }
}
