// SPDX-License-Identifier: Apache-2.0

/// Messages in order of their actions, from which both ends are taken.
struct DeliveryQueue: Sendable {
    private var keys: [DeliveryKey] = []
    /// What stands before it was taken already: taking the first of many must not move the rest.
    private var start = 0

    var isEmpty: Bool { start == keys.count }
    var first: DeliveryKey? { isEmpty ? nil : keys[start] }

    mutating func insert(_ key: DeliveryKey) {
        let position = self.position(of: key)
        guard position == keys.count || keys[position] != key else { return }
        keys.insert(key, at: position)
    }

    mutating func remove(_ key: DeliveryKey) {
        let position = self.position(of: key)
        guard position < keys.count, keys[position] == key else { return }
        keys.remove(at: position)
    }

    mutating func popNewest() -> DeliveryKey? {
        guard !isEmpty else { return nil }
        return keys.removeLast()
    }

    mutating func popOldest() -> DeliveryKey? {
        guard let first else { return nil }
        start += 1
        if start > 1024, start > keys.count / 2 {
            keys.removeFirst(start)
            start = 0
        }
        return first
    }

    private func position(of key: DeliveryKey) -> Int {
        var (low, high) = (start, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
