// SPDX-License-Identifier: Apache-2.0

extension Value {
    /// Keys with values; kept sorted by the bytes of the keys, each key once.
    public struct Record: Sendable, Hashable, Sequence, ExpressibleByDictionaryLiteral {
        /// One key with its value.
        public typealias Element = (key: String, value: Value)

        private struct Entry: Sendable {
            let key: String
            var value: Value
        }

        private var entries: [Entry]

        /// The empty record.
        public init() {
            entries = []
        }

        /// Makes a record; where a key comes twice, the later value holds.
        public init(_ pairs: [(String, Value)]) {
            self.init(unsorted: pairs.map { Entry(key: $0.0, value: $0.1) })
        }

        /// Makes a record; where a key comes twice, the later value holds.
        public init(dictionaryLiteral pairs: (String, Value)...) {
            self.init(unsorted: pairs.map { Entry(key: $0.0, value: $0.1) })
        }

        /// Makes a record; where a key comes twice, the later value holds.
        public init(_ pairs: some Sequence<Element>) {
            self.init(unsorted: pairs.map { Entry(key: $0.key, value: $0.value) })
        }

        private init(unsorted: [Entry]) {
            // JSON objects, where most records come from, are in this order already.
            let isSorted = unsorted.indices.dropFirst().allSatisfy {
                Bytes.compare(unsorted[$0 - 1].key, unsorted[$0].key) < 0
            }
            if isSorted {
                entries = unsorted
                return
            }
            let order = unsorted.indices.sorted { left, right in
                let order = Bytes.compare(unsorted[left].key, unsorted[right].key)
                return order == 0 ? left < right : order < 0
            }
            entries = []
            entries.reserveCapacity(order.count)
            for index in order {
                let entry = unsorted[index]
                if let last = entries.last, Bytes.equal(last.key, entry.key) {
                    entries[entries.count - 1] = entry
                } else {
                    entries.append(entry)
                }
            }
        }

        /// The number of keys.
        public var count: Int { entries.count }

        /// Whether there are no keys.
        public var isEmpty: Bool { entries.isEmpty }

        /// The keys, sorted by bytes.
        public var keys: [String] { entries.map(\.key) }

        /// The value of a key; writing `nil` takes the key out.
        public subscript(key: String) -> Value? {
            get {
                let place = place(of: key)
                return place.found ? entries[place.index].value : nil
            }
            set {
                let place = place(of: key)
                switch (newValue, place.found) {
                case (let value?, true): entries[place.index].value = value
                case (let value?, false):
                    entries.insert(Entry(key: key, value: value), at: place.index)
                case (nil, true): entries.remove(at: place.index)
                case (nil, false): break
                }
            }
        }

        func contains(key: String) -> Bool {
            place(of: key).found
        }

        private func place(of key: String) -> (index: Int, found: Bool) {
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                let order = Bytes.compare(entries[middle].key, key)
                if order == 0 { return (middle, true) }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
            return (low, false)
        }

        /// Goes through the keys in byte order.
        public func makeIterator() -> AnyIterator<Element> {
            var iterator = entries.makeIterator()
            return AnyIterator { iterator.next().map { ($0.key, $0.value) } }
        }

        /// Whether both have the same keys with equal values.
        public static func == (left: Record, right: Record) -> Bool {
            left.entries.elementsEqual(right.entries) {
                Bytes.equal($0.key, $1.key) && $0.value == $1.value
            }
        }

        /// Hashes keys and values.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(entries.count)
            for entry in entries {
                Bytes.hash(entry.key, into: &hasher)
                hasher.combine(entry.value)
            }
        }
    }
}
