// SPDX-License-Identifier: Apache-2.0

/// Gauges of several things of one kind, in Prometheus' text format, version 0.0.4.
enum GaugeText {
    /// Each gauge with a line for each row; nothing where there are no rows.
    ///
    /// `label` and `id` tell rows apart; an id is a handle, in which nothing needs an escape.
    static func text<Row>(
        _ rows: [Row], label: String, id: (Row) -> String, _ gauges: [(String, (Row) -> Int)]
    ) -> String {
        var text = ""
        for (name, value) in gauges where !rows.isEmpty {
            text += "# TYPE \(name) gauge\n"
            for row in rows { text += "\(name){\(label)=\"\(id(row))\"} \(value(row))\n" }
        }
        return text
    }
}
