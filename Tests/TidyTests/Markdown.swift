// SPDX-License-Identifier: Apache-2.0

/// The links and headings of a Markdown file, outside code.
struct Markdown {
    struct Link {
        let target: String
        let line: Int
    }

    private(set) var links: [Link] = []
    /// Anchors of the headings, as code hosts derive them.
    private(set) var anchors: Set<String> = []

    init(_ file: SourceFile) {
        var inFence = false
        for (index, line) in file.lines.enumerated() {
            if line.trimmingPrefix(while: { $0 == " " }).hasPrefix("```") {
                inFence.toggle()
            } else if !inFence {
                read(line, number: index + 1)
            }
        }
    }

    private mutating func read(_ line: Substring, number: Int) {
        if line.hasPrefix("#") {
            anchors.insert(Self.anchor(line.drop { $0 == "#" }))
        }
        let prose = Self.withoutCode(line)
        for piece in prose.split(separator: "](", omittingEmptySubsequences: false).dropFirst() {
            let target = piece.prefix { $0 != ")" && $0 != " " }
            links.append(Link(target: String(target), line: number))
        }
        if prose.hasPrefix("["), let end = prose.firstRange(of: "]: ") {
            let target = prose[end.upperBound...].prefix { $0 != " " }
            links.append(Link(target: String(target), line: number))
        }
    }

    /// Every second piece between backticks is code.
    private static func withoutCode(_ line: Substring) -> String {
        line.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .map { $0.offset % 2 == 0 ? String($0.element) : "" }.joined()
    }

    private static func anchor(_ heading: Substring) -> String {
        let trimmed = heading.trimmingPrefix(while: \.isWhitespace)
        return String(
            trimmed.lowercased().compactMap { character -> Character? in
                if character == " " { return "-" }
                let isKept = character.isLetter || character.isNumber || "-_".contains(character)
                return isKept ? character : nil
            })
    }
}

extension Markdown.Link {
    /// What is wrong with the link, or nil.
    ///
    /// Addresses elsewhere are not looked up.
    func problem(from document: String, anchors: [String: Set<String>]) -> String? {
        if target.contains("://") || target.hasPrefix("mailto:") { return nil }
        let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].isEmpty ? document : Self.resolve(parts[0], from: document)
        guard let path else { return "`\(target)`: leaves the repository" }
        guard anchors[path] != nil || Repository.exists(path) else {
            return "`\(target)`: no such file"
        }
        guard parts.count == 2, let known = anchors[path] else { return nil }
        return known.contains(String(parts[1])) ? nil : "`\(target)`: no heading `\(parts[1])`"
    }

    private static func resolve(_ path: Substring, from document: String) -> String? {
        var components = document.split(separator: "/").dropLast()
        for component in path.split(separator: "/") where component != "." {
            if component != ".." {
                components.append(component)
            } else if components.popLast() == nil {
                return nil
            }
        }
        return components.joined(separator: "/")
    }
}
