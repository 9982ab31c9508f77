// SPDX-License-Identifier: Apache-2.0

/// The shipped table of programs: what each does with which options.
///
/// It is data in the format of ``ProgramRow``, one row a line. A program that is not in it is
/// `unknown`, and so is a listed one with an option or operand that its row does not name.
struct ProgramTable: Sendable {
    /// Every shipped line, in the order in which rows are tried.
    static let lines: [String] = [
        text, files, reports, machine, roles, platform, keys, data, development, launchers,
    ].flatMap { $0.split(separator: "\n").map(String.init) }

    /// The shipped table, read once.
    static let shipped = ProgramTable(rows: lines.compactMap(ProgramRow.init(line:)))

    private let rows: [String: [ProgramRow]]

    /// Builds a table; later rows of a program add to its earlier ones.
    init(rows: [ProgramRow]) {
        var byProgram: [String: [ProgramRow]] = [:]
        for row in rows {
            for program in row.programs { byProgram[program, default: []].append(row) }
        }
        self.rows = byProgram
    }

    /// All names in the table, unordered.
    var programs: [String] { Array(rows.keys) }

    /// The rows of a program; empty for one that is not listed.
    func rows(of program: String) -> [ProgramRow] {
        // Only plain ASCII may be looked up: String keys compare by canonical equivalence.
        program.isPlainWord ? rows[program] ?? [] : []
    }
}
