// SPDX-License-Identifier: Apache-2.0

internal import CanonicalJSON

/// The body of an Adaptive Card, built so that no text in it is ever markup.
///
/// `TextBlock` and `FactSet` read Markdown; only a `TextRun` shows what it is given. Two things it
/// does change, and both are prevented here: it replaces `{{DATE(…)}}` and `{{TIME(…)}}`, and it
/// shows several blanks as one.
struct TeamsBody {
    private(set) var list: [JSON] = []

    mutating func title(_ text: String) {
        append(text, ["size": "Large", "weight": "Bolder"], spacing: "Default")
    }

    mutating func heading(_ text: String) {
        append(text, ["weight": "Bolder"], spacing: "Medium")
    }

    mutating func paragraph(_ text: String) { append(text, [:], spacing: "Small") }

    mutating func small(_ text: String) { append(text, ["isSubtle": true], spacing: "Small") }

    /// Lines of fixed width, each in a block of its own: line feeds within one are not shown
    /// everywhere.
    mutating func code(_ lines: [String], isWarning: Bool = false) {
        var style: JSONObject = ["fontType": "Monospace"]
        if isWarning { style["color"] = "Attention" }
        for line in lines { append(line, style, spacing: "None") }
    }

    mutating func input(_ id: String, label: String) {
        list.append([
            "id": .string(id), "isMultiline": true, "label": .string(label),
            "maxLength": .int(TeamsLimits.inputLength), "type": "Input.Text",
        ])
    }

    private mutating func append(_ text: String, _ style: JSONObject, spacing: String) {
        let runs = Self.runs(Self.blanksKept(text)).map { run in
            var object = style
            object["text"] = .string(run)
            object["type"] = "TextRun"
            return JSON.object(object)
        }
        list.append([
            "inlines": .array(runs), "spacing": .string(spacing), "type": "RichTextBlock",
        ])
    }

    /// `text` with every blank that follows another, or nothing, as a no-break space.
    ///
    /// Nothing is lost: in texts of cards U+00A0 is always written as an escape.
    static func blanksKept(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var isBlank = true
        for scalar in text.unicodeScalars {
            result.append(isBlank && scalar == " " ? "\u{A0}" : scalar)
            isBlank = scalar == " "
        }
        // A run without text is left out, and with it a line that a reader should see as empty.
        return result.isEmpty ? "\u{A0}" : String(result)
    }

    /// `text` cut between every two opening braces, because functions are looked for in one run.
    static func runs(_ text: String) -> [String] {
        var runs: [String] = []
        var run = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "{", run.last == "{" {
                runs.append(String(run))
                run = String.UnicodeScalarView()
            }
            run.append(scalar)
        }
        runs.append(String(run))
        return runs
    }
}
