// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import Cedar
import Foundation
import Synchronization

/// What became of one policy.
enum Outcome: Equatable, CustomStringConvertible {
    case satisfied
    case unsatisfied
    case failed(EvaluationError.Category)

    var description: String {
        switch self {
        case .satisfied: "satisfied"
        case .unsatisfied: "unsatisfied"
        case .failed(let category): "failed: \(category.rawValue)"
        }
    }
}

/// The world that expressions are tried in.
enum World {
    static let alice = EntityUID(type: "User", id: "alice")
    static let view = EntityUID(type: "Action", id: "view")
    static let photo = EntityUID(type: "Photo", id: "trip.jpg")

    static func entities() throws -> Entities {
        let admins = EntityUID(type: "Group", id: "admins")
        let staff = EntityUID(type: "Group", id: "staff")
        return try Entities([
            Entity(
                uid: alice,
                attributes: [
                    "name": "Alice", "level": 5, "self": .entity(alice),
                    "home": .record(["city": "Ulm", "zip": .record(["code": 89073])]),
                    "ghost": .entity(EntityUID(type: "User", id: "nobody")),
                    "langs": .set(["de", "en"]),
                ],
                parents: [admins], tags: ["team": "red", "": "empty"]),
            Entity(uid: admins, parents: [staff]),
            Entity(uid: staff),
            Entity(uid: view, parents: [EntityUID(type: "Action", id: "readOnly")]),
            Entity(uid: EntityUID(type: "Action", id: "readOnly")),
            Entity(uid: photo, attributes: ["owner": .entity(alice), "public": false]),
        ])
    }

    static let context: Value.Record = [
        "input": .record(["amount": 250, "currency": "EUR", "has space": 1]),
        "nfc": "\u{E9}", "nfd": "e\u{301}", "big": .long(.max), "small": .long(.min),
        "flag": true,
    ]

    static let request = Request(
        principal: alice, action: view, resource: photo, context: context)

    /// Evaluates one policy in this world.
    static func outcome(ofPolicy text: String) throws -> Outcome {
        let answer = try PolicySet(parsing: text).evaluate(request, entities: try entities())
        if let failure = answer.errors.first { return .failed(failure.error.category) }
        let isSatisfied = !answer.satisfiedPermits.isEmpty || !answer.satisfiedForbids.isEmpty
        return isSatisfied ? .satisfied : .unsatisfied
    }

    /// Evaluates one condition in this world.
    static func outcome(of expression: String) throws -> Outcome {
        try outcome(ofPolicy: "permit(principal, action, resource) when { \(expression) };")
    }
}

/// The errors of a text that must be refused; empty where it is not.
func syntaxErrors(
    _ text: String, idsFromAnnotation: Bool = false, limits: PolicyLimits = .init()
) -> [PolicySyntaxError] {
    do throws(PolicySyntaxErrors) {
        _ = try PolicySet(parsing: text, idsFromAnnotation: idsFromAnnotation, limits: limits)
        return []
    } catch {
        return error.errors
    }
}

/// Runs a closure on a thread with little stack: 512 KiB, which is what threads other than the
/// first have on macOS, in release builds, and 2 MiB without optimisation.
func onSmallStack<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result? {
    #if DEBUG
    let bytes = 2 * 1024 * 1024
    #else
    let bytes = 512 * 1024
    #endif
    let box = Box<Result>()
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
        box.set(body())
        done.signal()
    }
    thread.stackSize = bytes
    thread.start()
    done.wait()
    return box.get()
}

private final class Box<Content: Sendable>: Sendable {
    private let content = Mutex<Content?>(nil)

    func set(_ value: Content) { content.withLock { $0 = value } }
    func get() -> Content? { content.withLock { $0 } }
}
