// SPDX-License-Identifier: Apache-2.0

import GRDB
import Testing

@testable import Storage

/// What SQLite makes of our statements; a plan that turns bad is slow long before it is wrong.
@Suite("Query plans")
struct QueryPlanTests {
    @Test(
        "state rows are written without a temporary table for each",
        arguments: [
            "INSERT INTO action VALUES (?,?,?,?,?,?,?,?,?,?)",
            "UPDATE action SET version = ?, status = ?, due = ?, document = ? WHERE id = ?",
        ])
    func writing(sql: String) throws {
        let fixture = try StoreFixture()
        try fixture.backend.close()
        let queue = try DatabaseQueue(path: fixture.path)
        let operations = try queue.read { db in
            try Row.fetchAll(
                db, sql: "EXPLAIN " + sql,
                arguments: StatementArguments(sql.filter { $0 == "?" }.map { _ in 1 })
            ).map { $0["opcode"] as String }
        }
        #expect(!operations.isEmpty)
        #expect(!operations.contains { $0.contains("Ephemeral") }, "\(operations)")
        try queue.close()
    }

    @Test("what is open, and what an equal request may mean, is found by an index")
    func reading() throws {
        let fixture = try StoreFixture()
        try fixture.backend.close()
        let queue = try DatabaseQueue(path: fixture.path)
        for (condition, index) in [
            ("\(SQLiteSchema.isOpen) AND status IN (?,?) ORDER BY id DESC", "action_open"),
            ("operation = ? AND \(SQLiteSchema.isAttachable) AND gate = ?", "action_same"),
            ("due IS NOT NULL AND due <= ?", "action_due"),
        ] {
            let plan = try queue.read { db in
                try Row.fetchAll(
                    db, sql: "EXPLAIN QUERY PLAN SELECT id FROM action WHERE " + condition,
                    arguments: StatementArguments(
                        condition.filter { $0 == "?" }.map { _ in 1 })
                ).map { $0["detail"] as String }
            }
            #expect(plan.contains { $0.contains(index) }, "\(plan)")
        }
        try queue.close()
    }
}
