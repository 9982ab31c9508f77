// SPDX-License-Identifier: Apache-2.0

/// A stack whose top can be moved out as an array of exactly the right size.
///
/// The parser collects the members and elements of all open containers on such stacks, so that a
/// container costs one allocation however it grows. Elements are moved, never copied, which saves
/// counting references. Freed with the parser, also when parsing fails half-way.
struct MoveStack<Element>: ~Copyable {
    private(set) var count = 0
    private var capacity: Int
    // Owned: the first `count` elements are initialised.
    private var base: UnsafeMutablePointer<Element>

    init(capacity: Int = 16) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }

    /// The element on top; there has to be one.
    var last: Element {
        precondition(count > 0, "the stack is empty")
        return base[count - 1]
    }

    deinit {
        base.deinitialize(count: count)
        base.deallocate()
    }

    mutating func push(_ element: consuming Element) {
        if count == capacity { grow() }
        (base + count).initialize(to: element)
        count += 1
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: base, count: count)
        base.deallocate()
        base = larger
        capacity *= 2
    }

    /// The elements from `start` to the top, valid until the next change.
    func top(from start: Int) -> UnsafeMutableBufferPointer<Element> {
        precondition((0...count).contains(start), "no such place on the stack")
        return UnsafeMutableBufferPointer(start: base + start, count: count - start)
    }

    /// Forgets the elements from `start` to the top.
    mutating func drop(from start: Int) {
        top(from: start).deinitialize()
        count = start
    }

    /// Moves the elements from `start` to the top into an array.
    mutating func moveTop(from start: Int) -> [Element] {
        let top = top(from: start)
        let array = [Element](unsafeUninitializedCapacity: top.count) { buffer, initialized in
            initialized = buffer.moveInitialize(fromContentsOf: top)
        }
        count = start
        return array
    }

    /// Moves the elements from `start` to the top into an array, the one `order(0)` places above
    /// `start` first.
    ///
    /// `order` must name each element exactly once.
    mutating func moveTop(from start: Int, order: (Int) -> Int) -> [Element] {
        let top = top(from: start)
        let array = [Element](unsafeUninitializedCapacity: top.count) { buffer, initialized in
            for index in top.indices {
                buffer.initializeElement(at: index, to: top.moveElement(from: order(index)))
            }
            initialized = top.count
        }
        count = start
        return array
    }
}
