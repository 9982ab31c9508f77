// SPDX-License-Identifier: Apache-2.0

/// Text with places where lines may be broken, after Wadler's *A prettier printer*.
struct Layout: Sendable {
    fileprivate indirect enum Node: Sendable {
        case text(String)
        /// A space, or the end of a line if its group is broken.
        case line
        /// Nothing, or the end of a line if its group is broken.
        case softLine
        /// The end of a line.
        case hardLine
        /// An empty line.
        case blankLine
        /// What ends a line.
        case lineEnd(String)
        /// A line of its own.
        case ownLine(String)
        case group([Layout])
        case sequence([Layout])
        case nested(Layout)
    }

    fileprivate let node: Node
    /// Whether it can never be on one line.
    fileprivate let isBroken: Bool

    private init(_ node: Node, isBroken: Bool = false) {
        self.node = node
        self.isBroken = isBroken
    }

    static func text(_ text: String) -> Layout { Layout(.text(text)) }
    static let line = Layout(.line)
    static let softLine = Layout(.softLine)
    static let hardLine = Layout(.hardLine, isBroken: true)
    static let blankLine = Layout(.blankLine, isBroken: true)
    static func lineEnd(_ text: String) -> Layout { Layout(.lineEnd(text), isBroken: true) }
    static func ownLine(_ text: String) -> Layout { Layout(.ownLine(text), isBroken: true) }

    /// On one line if it fits, else with all its lines broken.
    static func group(_ parts: [Layout]) -> Layout {
        Layout(.group(parts), isBroken: parts.contains(where: \.isBroken))
    }

    static func sequence(_ parts: [Layout]) -> Layout {
        Layout(.sequence(parts), isBroken: parts.contains(where: \.isBroken))
    }

    /// Indented further where lines are broken.
    static func nested(_ parts: [Layout]) -> Layout {
        let inner = sequence(parts)
        return Layout(.nested(inner), isBroken: inner.isBroken)
    }
}

/// Writes a layout.
///
/// Nothing here recurses, and no line is empty but those that are asked for.
struct LayoutWriter {
    private struct Item {
        let layout: Layout
        let indentation: Int
        let isFlat: Bool
    }

    private let width: Int
    private let step: Int
    private var text = ""
    /// The code points on the current line.
    private var column = 0
    private var isLineEmpty = true

    private init(width: Int, step: Int) {
        self.width = width
        self.step = step
    }

    static func text(_ layout: Layout, width: Int, indentation: Int) -> String {
        var writer = LayoutWriter(width: width, step: indentation)
        writer.write(layout)
        writer.endLine()
        return writer.text
    }

    private mutating func write(_ layout: Layout) {
        var items = [Item(layout: layout, indentation: 0, isFlat: false)]
        while let item = items.popLast() {
            func push(_ parts: [Layout], indentation: Int, isFlat: Bool) {
                for part in parts.reversed() {
                    items.append(Item(layout: part, indentation: indentation, isFlat: isFlat))
                }
            }
            switch item.layout.node {
            case .text(let text): append(text, item.indentation)
            case .line where item.isFlat: append(" ", item.indentation)
            case .softLine where item.isFlat: break
            case .line, .softLine, .hardLine: endLine()
            case .blankLine:
                endLine()
                text += "\n"
            case .lineEnd(let text):
                append(isLineEmpty ? text : " \(text)", item.indentation)
                endLine()
            case .ownLine(let text):
                endLine()
                append(text, item.indentation)
                endLine()
            case .sequence(let parts):
                push(parts, indentation: item.indentation, isFlat: item.isFlat)
            case .nested(let inner):
                push([inner], indentation: item.indentation + step, isFlat: item.isFlat)
            case .group(let parts):
                let isFlat = !item.layout.isBroken && (item.isFlat || fits(parts, items))
                push(parts, indentation: item.indentation, isFlat: isFlat)
            }
        }
    }

    private mutating func append(_ piece: String, _ indentation: Int) {
        if isLineEmpty {
            // No line ends or consists of blanks.
            if piece.allSatisfy({ $0 == " " }) { return }
            text += String(repeating: " ", count: indentation)
            column = indentation
            isLineEmpty = false
        }
        text += piece
        column += piece.unicodeScalars.count
    }

    private mutating func endLine() {
        guard !isLineEmpty else { return }
        while text.utf8.last == UInt8(ascii: " ") { text.removeLast() }
        text += "\n"
        column = 0
        isLineEmpty = true
    }

    /// Whether the parts, and what follows them up to the next possible line end, fit on the line.
    private func fits(_ parts: [Layout], _ rest: [Item]) -> Bool {
        var room = width - column
        var inner = Array(parts.reversed())
        var outer = rest.count
        while room >= 0 {
            let layout: Layout
            let isFlat: Bool
            if let next = inner.popLast() {
                (layout, isFlat) = (next, true)
            } else if outer > 0 {
                outer -= 1
                (layout, isFlat) = (rest[outer].layout, rest[outer].isFlat)
            } else {
                return true
            }
            switch layout.node {
            case .text(let text): room -= text.unicodeScalars.count
            case .line:
                if !isFlat { return true }
                room -= 1
            case .softLine: if !isFlat { return true }
            case .hardLine, .blankLine, .lineEnd, .ownLine: return true
            case .sequence(let parts), .group(let parts):
                guard isFlat else { return true }
                inner += parts.reversed()
            case .nested(let part):
                guard isFlat else { return true }
                inner.append(part)
            }
        }
        return false
    }
}
