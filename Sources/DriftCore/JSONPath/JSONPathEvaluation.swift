// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// One evaluation of a query in a document (RFC 9535 §2.1.2).
///
/// Values are followed depth first, which gives the order of the RFC without keeping what each
/// segment selects; only results take memory.
struct JSONPathEvaluation {
    struct Failure: Error {
        let message: String
    }

    /// A value on the way, and how far its children have been followed.
    private struct Frame {
        let value: JSON
        /// The segment that selects among its children.
        let segment: Int
        var selector = 0
        var position = 0
    }

    private typealias Child = (step: JSONPathNode.Step, value: JSON)

    private let root: JSON
    private let budget: Int
    private var spent = 0
    /// The last pattern that came from the document, compiled; `nil` if it is none.
    private var lastPattern: (text: String, compiled: IRegexp?)?

    init(root: JSON, budget: Int) {
        self.root = root
        self.budget = budget
    }

    mutating func nodes(of query: JSONPathQuery) throws(Failure) -> [JSONPathNode] {
        try follow(query, root, enough: .max, wantsPlaces: true)
    }

    mutating func charge(_ steps: Int) throws(Failure) {
        spent += steps
        guard spent <= budget else {
            throw Failure(
                message: "gave up after \(budget) steps: make the query more specific, or the "
                    + "document smaller")
        }
    }

    // MARK: Segments

    /// Follows a query from one value until it has selected `enough`.
    ///
    /// Without recursion, so that the depth of documents does not need stack.
    private mutating func follow(
        _ query: JSONPathQuery, _ start: JSON, enough: Int, wantsPlaces: Bool
    ) throws(Failure) -> [JSONPathNode] {
        try charge(1)
        let segments = query.segments
        if segments.isEmpty { return [JSONPathNode(steps: [], value: start)] }
        var found: [JSONPathNode] = []
        var place: [JSONPathNode.Step] = []
        var frames = [Frame(value: start, segment: 0)]
        while let top = frames.indices.last {
            let segment = segments[frames[top].segment]
            guard let child = try nextChild(&frames[top], segment) else {
                frames.removeLast()
                if !place.isEmpty { place.removeLast() }
                continue
            }
            try charge(1)
            // Behind its selectors a descendant segment goes on with itself, further down.
            let isSelected = frames[top].selector < segment.selectors.count
            let next = frames[top].segment + (isSelected ? 1 : 0)
            if next < segments.count {
                frames.append(Frame(value: child.value, segment: next))
                if wantsPlaces { place.append(child.step) }
                continue
            }
            // A step for each of its place, which bounds the memory of results.
            if wantsPlaces { try charge(place.count) }
            found.append(
                JSONPathNode(steps: wantsPlaces ? place + [child.step] : [], value: child.value))
            if found.count >= enough { break }
        }
        return found
    }

    /// The next child that is followed: those of each selector in turn, then all of them if
    /// everything below is meant too.
    private mutating func nextChild(
        _ frame: inout Frame, _ segment: JSONPathQuery.Segment
    ) throws(Failure) -> Child? {
        while frame.selector < segment.selectors.count {
            if let child = try nextChild(&frame, segment.selectors[frame.selector]) {
                return child
            }
            frame.selector += 1
            frame.position = 0
        }
        guard segment.isDescendant else { return nil }
        return Self.advance(&frame)
    }

    private mutating func nextChild(
        _ frame: inout Frame, _ selector: JSONPathQuery.Selector
    ) throws(Failure) -> Child? {
        switch selector {
        case .wildcard: return Self.advance(&frame)
        case .filter(let filter):
            while let child = Self.advance(&frame) {
                if try isTrue(filter, child.value) { return child }
            }
            return nil
        case .name(let name):
            try charge(1)
            guard frame.position == 0, let member = frame.value[name] else { return nil }
            frame.position = 1
            return (.member(name), member)
        case .index(let index):
            guard frame.position == 0, let elements = frame.value.arrayValue else { return nil }
            frame.position = 1
            let index = index < 0 ? elements.count + index : index
            guard elements.indices.contains(index) else { return nil }
            return (.element(index), elements[index])
        case .slice(let start, let end, let step):
            guard let elements = frame.value.arrayValue else { return nil }
            let indices = Self.slice(elements.count, start, end, step)
            let (distance, isTooFar) = frame.position.multipliedReportingOverflow(by: step)
            let index = indices.start + distance
            guard !isTooFar, step > 0 ? index < indices.end : index > indices.end else {
                return nil
            }
            frame.position += 1
            return (.element(index), elements[index])
        }
    }

    private static func advance(_ frame: inout Frame) -> Child? {
        let position = frame.position
        frame.position += 1
        switch frame.value {
        case .array(let elements):
            guard position < elements.count else { return nil }
            return (.element(position), elements[position])
        case .object(let members):
            guard position < members.count else { return nil }
            let (name, value) = members[position]
            return (.member(name), value)
        case .null, .bool, .number, .string: return nil
        }
    }

    /// The first index of a slice, and the one before which it ends (§2.3.4.2.2).
    private static func slice(
        _ count: Int, _ start: Int?, _ end: Int?, _ step: Int
    ) -> (start: Int, end: Int) {
        func absolute(_ index: Int) -> Int { index < 0 ? count + index : index }
        if step == 0 { return (0, 0) }
        if step > 0 {
            return (
                min(max(absolute(start ?? 0), 0), count),
                min(max(absolute(end ?? count), 0), count)
            )
        }
        // By default down to the first element, which is before index 0.
        return (
            min(max(absolute(start ?? count - 1), -1), count - 1),
            end.map { min(max(absolute($0), -1), count - 1) } ?? -1
        )
    }

    // MARK: Queries in filters

    /// The values of a query in a filter, at most so many.
    private mutating func values(
        _ query: JSONPathQuery, _ current: JSON, enough: Int
    ) throws(Failure) -> [JSON] {
        try follow(
            query, query.isRelative ? current : root, enough: enough, wantsPlaces: false
        ).map(\.value)
    }

    mutating func exists(_ query: JSONPathQuery, _ current: JSON) throws(Failure) -> Bool {
        try !values(query, current, enough: 1).isEmpty
    }

    mutating func count(_ query: JSONPathQuery, _ current: JSON) throws(Failure) -> Int {
        try values(query, current, enough: .max).count
    }

    /// The value of a query that selects exactly one.
    mutating func single(_ query: JSONPathQuery, _ current: JSON) throws(Failure) -> JSON? {
        let values = try values(query, current, enough: 2)
        guard values.count == 1 else { return Optional.none }
        return values[0]
    }

    /// The pattern compiled, `nil` if it is no I-Regexp, which then matches nothing.
    mutating func compiled(_ pattern: String) throws(Failure) -> IRegexp? {
        if let lastPattern, UTF8Bytes.areEqual(lastPattern.text, pattern) {
            return lastPattern.compiled
        }
        let compiled = try? IRegexp(pattern)
        try charge(pattern.utf8.count + (compiled?.states.count ?? IRegexp.maximumStates))
        lastPattern = (pattern, compiled)
        return compiled
    }
}
