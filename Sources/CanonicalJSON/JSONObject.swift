// SPDX-License-Identifier: Apache-2.0

/// The members of a JSON object: unique names, always in canonical order.
///
/// Names are compared by their UTF-8 bytes and sorted by UTF-16 code units (RFC 8785 §3.2.3).
/// Finding a member takes logarithmic time.
public struct JSONObject: Sendable {
    struct Member: Sendable {
        var key: String
        var value: JSON
    }

    /// INVARIANT: strictly ascending by `UTF8Bytes.precedesInUTF16`.
    var members: [Member]

    /// Creates an object without members.
    public init() { members = [] }

    /// Creates an object from its members, in any order.
    ///
    /// The same name twice is a mistake of the program and stops it. For names that come from
    /// outside use ``init(unique:)``.
    /// - Parameter pairs: the names and their values.
    public init(_ pairs: [(String, JSON)]) {
        guard let object = JSONObject(unique: pairs) else {
            preconditionFailure("an object must not have the same member twice")
        }
        self = object
    }

    /// Creates an object from its members, in any order, or `nil` if a name occurs twice.
    /// - Parameter pairs: the names and their values.
    public init?(unique pairs: [(String, JSON)]) {
        var members = pairs.map { Member(key: $0.0, value: $0.1) }
        guard Self.sort(&members) else { return nil }
        self.members = members
    }

    init(sorted members: [Member]) { self.members = members }

    /// Puts `members` in order and says whether all names are different.
    static func sort(_ members: inout [Member]) -> Bool {
        var isSorted = true
        for index in members.indices.dropFirst() where isSorted {
            isSorted = UTF8Bytes.precedesInUTF16(members[index - 1].key, members[index].key)
        }
        if isSorted { return true }
        members.sort { UTF8Bytes.precedesInUTF16($0.key, $1.key) }
        for index in members.indices.dropFirst()
        where UTF8Bytes.areEqual(members[index - 1].key, members[index].key) {
            return false
        }
        return true
    }

    /// The names of all members, in order.
    public var keys: [String] { members.map(\.key) }

    /// The value of the member `key`.
    ///
    /// Setting it adds or replaces the member, and `nil` removes it.
    public subscript(key: String) -> JSON? {
        get {
            let (index, found) = position(of: key)
            // Not `found ? … : nil`: there `nil` would be the literal `null` of JSON.
            guard found else { return nil }
            return members[index].value
        }
        set {
            let (index, found) = position(of: key)
            switch (newValue, found) {
            case (let value?, true): members[index].value = value
            case (let value?, false): members.insert(Member(key: key, value: value), at: index)
            case (nil, true): members.remove(at: index)
            case (nil, false): break
            }
        }
    }

    /// Returns where the member `key` is, or where it would have to be inserted.
    func position(of key: String) -> (index: Int, found: Bool) {
        var low = 0
        var high = members.count
        while low < high {
            let middle = (low + high) / 2
            switch UTF8Bytes.order(members[middle].key, key) {
            case .equal: return (middle, true)
            case .ascending: low = middle + 1
            case .descending: high = middle
            }
        }
        return (low, false)
    }
}

extension JSONObject: RandomAccessCollection {
    /// The index of the first member.
    public var startIndex: Int { 0 }
    /// The index behind the last member.
    public var endIndex: Int { members.count }

    /// The member at `position` in canonical order.
    public subscript(position: Int) -> (key: String, value: JSON) {
        (members[position].key, members[position].value)
    }
}

extension JSONObject: Hashable, ExpressibleByDictionaryLiteral {
    /// Creates an object from its members; the same name twice stops the program.
    public init(dictionaryLiteral elements: (String, JSON)...) { self.init(elements) }

    /// Whether both objects have the same members with the same values.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.members.count == right.members.count else { return false }
        for (left, right) in zip(left.members, right.members) {
            guard UTF8Bytes.areEqual(left.key, right.key), left.value == right.value else {
                return false
            }
        }
        return true
    }

    /// Feeds the names and values to `hasher`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
        for member in members {
            UTF8Bytes.hash(member.key, into: &hasher)
            member.value.hash(into: &hasher)
        }
    }
}
