// SPDX-License-Identifier: Apache-2.0

/// Where a member's name stands in the text, from quote to quote.
struct MemberName {
    let start: Int
    let end: Int
    /// Which member of its object it names, from 0.
    let index: Int
    /// Whether the bytes between the quotes differ from the name.
    let hasEscapes: Bool
}

extension Parser {
    /// Reads an object whose brace is next.
    ///
    /// Names are compared and sorted where they stand in the text, before anything is moved: most
    /// objects are small and many come in no order.
    mutating func parseObject(depth: Int) throws(Fault) -> JSON {
        at += 1
        try skipWhitespace()
        if peek() == UInt8(ascii: "}") {
            at += 1
            return .object(JSONObject())
        }
        let firstMember = members.count
        let firstName = names.count
        var isSorted = true
        while true {
            let key = try parseKey(firstName: firstName, isSorted: &isSorted)
            let value = try parseValue(depth: depth)
            members.push(JSONObject.Member(key: key, value: value))
            try skipWhitespace()
            switch peek() {
            case UInt8(ascii: ","): at += 1
            case UInt8(ascii: "}"):
                at += 1
                if isSorted {
                    names.drop(from: firstName)
                    return .object(JSONObject(sorted: members.moveTop(from: firstMember)))
                }
                return .object(try sortedObject(from: firstMember, names: firstName))
            default: throw unexpected("`,` or `}` after a member")
            }
            try skipWhitespace()
        }
    }

    /// Reads a member's name and the colon behind it, and notes where the name stands.
    private mutating func parseKey(
        firstName: Int, isSorted: inout Bool
    ) throws(Fault) -> String {
        guard peek() == UInt8(ascii: "\"") else { throw unexpected("a member name in quotes") }
        let start = at
        let index = names.count - firstName
        guard index < limits.maximumMembers else {
            throw fault(
                .tooManyMembers, at: start,
                "too many members: send at most \(limits.maximumMembers) in one object")
        }
        at += 1
        let key = try parseString()
        let name = MemberName(start: start, end: at - 1, index: index, hasEscapes: hadEscapes)
        if isSorted, index > 0 { isSorted = try follows(names.last, name) }
        names.push(name)
        try skipWhitespace()
        guard peek() == UInt8(ascii: ":") else { throw unexpected("`:` after a member name") }
        at += 1
        try skipWhitespace()
        return key
    }

    /// Whether `name` sorts behind `last`; refuses the same one, and disorder in canonical text.
    private mutating func follows(_ last: MemberName, _ name: MemberName) throws(Fault) -> Bool {
        switch order(last, name) {
        case .ascending: return true
        case .equal: throw duplicate(name)
        case .descending:
            guard isCanonical else { return false }
            throw fault(
                .notCanonical, at: name.start,
                "member \(quoted(text(of: name))) after \(quoted(text(of: last))): "
                    + "sort members by UTF-16 code units")
        }
    }

    private mutating func sortedObject(
        from firstMember: Int, names firstName: Int
    ) throws(Fault) -> JSONObject {
        var names = names.top(from: firstName)
        names.sort { order($0, $1) == .ascending }
        for index in names.indices.dropFirst()
        where order(names[index - 1], names[index]) == .equal {
            // Sorting does not say which of two equal names comes first.
            let (left, right) = (names[index - 1], names[index])
            throw duplicate(left.start < right.start ? right : left)
        }
        let sorted = members.moveTop(from: firstMember) { names[$0].index }
        self.names.drop(from: firstName)
        return JSONObject(sorted: sorted)
    }

    private mutating func order(_ left: MemberName, _ right: MemberName) -> UTF8Bytes.Order {
        guard left.hasEscapes || right.hasEscapes else {
            return UTF8Bytes.orderInUTF16(
                UnsafeBufferPointer(rebasing: bytes[(left.start + 1)..<left.end]),
                UnsafeBufferPointer(rebasing: bytes[(right.start + 1)..<right.end]))
        }
        return UTF8Bytes.order(text(of: left), text(of: right))
    }

    /// Reads a name again, which was read before and therefore is well-formed.
    private mutating func text(of name: MemberName) -> String {
        let next = at
        defer { at = next }
        at = name.start + 1
        return (try? parseString()) ?? ""
    }

    private mutating func duplicate(_ name: MemberName) -> Fault {
        fault(
            .duplicateMember, at: name.start,
            "duplicate member \(quoted(text(of: name))): keep one of them")
    }
}
