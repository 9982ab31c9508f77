// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// The tables of the embedded store; migrations only ever add.
enum SQLiteSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            // `entry` holds leaf and core, which are never erased; `body` is apart because it
            // may be. Both are in order of index, so a batch appends to the end of each.
            try db.execute(
                sql: """
                    CREATE TABLE entry (
                      idx INTEGER PRIMARY KEY,
                      ref TEXT NOT NULL,
                      seq INTEGER NOT NULL,
                      leaf BLOB NOT NULL,
                      core_salt BLOB NOT NULL,
                      core BLOB NOT NULL
                    ) STRICT;
                    CREATE UNIQUE INDEX entry_chain ON entry (ref, seq);
                    CREATE TABLE body (
                      idx INTEGER PRIMARY KEY,
                      salt BLOB NOT NULL,
                      bytes BLOB NOT NULL
                    ) STRICT;
                    CREATE TABLE tile (
                      level INTEGER NOT NULL,
                      idx INTEGER NOT NULL,
                      hashes BLOB NOT NULL,
                      PRIMARY KEY (level, idx)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE checkpoint (
                      id INTEGER PRIMARY KEY CHECK (id = 1),
                      size INTEGER NOT NULL,
                      note TEXT NOT NULL,
                      at INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE action (
                      id TEXT PRIMARY KEY,
                      version INTEGER NOT NULL,
                      status TEXT NOT NULL,
                      agent TEXT NOT NULL,
                      credential TEXT NOT NULL,
                      gate TEXT NOT NULL,
                      operation BLOB NOT NULL,
                      due INTEGER,
                      updated_at INTEGER NOT NULL,
                      document BLOB NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX action_due ON action (due) WHERE due IS NOT NULL;
                    CREATE INDEX action_open ON action (status, id)
                      WHERE status IN ('pending', 'cleared', 'claimed', 'unknown');
                    CREATE INDEX action_same ON action (operation, id)
                      WHERE status IN ('pending', 'cleared', 'denied');
                    CREATE TABLE operational (
                      space TEXT NOT NULL,
                      key TEXT NOT NULL,
                      value BLOB NOT NULL,
                      expires INTEGER NOT NULL,
                      PRIMARY KEY (space, key)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("2", migrate: cheaperIndexes)
        migrator.registerMigration("3") { db in
            // Once a minute what has expired goes; most rows never do, and are not in it.
            try db.execute(
                sql: "CREATE INDEX operational_expires ON operational (expires) WHERE \(canExpire)"
            )
        }
        return migrator
    }

    private static func cheaperIndexes(_ db: Database) throws {
        // `status IN (…)` in the condition of an index makes SQLite build a table of the list
        // for each row that is written, with a page cache of 87 KB; and no query with
        // parameters ever used `action_open`. With `OR` the condition costs some comparisons,
        // and a query that repeats it word for word may use the index.
        try db.execute(
            sql: """
                DROP INDEX action_open;
                DROP INDEX action_same;
                CREATE INDEX action_open ON action (id) WHERE \(isOpen);
                CREATE INDEX action_same ON action (operation, id) WHERE \(isAttachable);
                """)
    }

    /// The condition of `operational_expires`: before the end of time.
    static let canExpire = "expires < 253402300799999"
    /// The condition of `action_open`: what the inbox lists.
    static let isOpen = """
        (status = 'pending' OR status = 'cleared' OR status = 'claimed' OR status = 'unknown')
        """
    /// The condition of `action_same`: what an equal request may mean.
    static let isAttachable = "(status = 'pending' OR status = 'cleared' OR status = 'denied')"
}
