// SPDX-License-Identifier: Apache-2.0

import CanonicalJSON
import TestSupport
import Testing

/// nst/JSONTestSuite: `y_` must be accepted, `n_` refused, `i_` is ours to decide.
@Suite struct ParsingCorpusTests {
    private static let archive = "json-parsing.tar.xz"

    private static func documents(_ prefix: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = try Corpora.unpacked(archive) + "/json-parsing/test_parsing"
        return try Corpora.names(in: folder).filter { $0.hasPrefix(prefix) }
            .map { ($0, try Corpora.bytes(at: "\(folder)/\($0)")) }
    }

    // RFC 8259 §4 only says that names *should* be unique, so the suite accepts these two. What
    // they mean depends on the reader, so nothing that has them can be reviewed.
    private static let refusedOnPurpose: Set = [
        "y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json",
    ]

    @Test(.corpus(archive)) func acceptsWhatMustBeAccepted() throws {
        let documents = try Self.documents("y_")
        #expect(documents.count == 95)
        for (name, bytes) in documents where !Self.refusedOnPurpose.contains(name) {
            #expect(throws: Never.self, "\(name)") { try JSON(parsing: bytes) }
        }
        for (name, bytes) in documents where Self.refusedOnPurpose.contains(name) {
            let error = #expect(throws: JSONParseError.self, "\(name)") {
                try JSON(parsing: bytes)
            }
            #expect(error?.code == .duplicateMember, "\(name)")
        }
    }

    @Test(.corpus(archive)) func refusesWhatMustBeRefused() throws {
        let documents = try Self.documents("n_")
        #expect(documents.count == 188)
        for (name, bytes) in documents {
            let error = #expect(throws: JSONParseError.self, "\(name)") {
                try JSON(parsing: bytes)
            }
            guard let error else { continue }
            #expect((0...bytes.count).contains(error.offset), "\(name)")
            #expect(!error.message.utf8.contains { $0 < 0x20 }, "\(name)")
        }
    }

    /// Our answer to each open question, and why.
    ///
    /// `nil` means accepted.
    private static let answers: [String: JSONParseError.Code?] = {
        var answers: [String: JSONParseError.Code?] = [:]
        func answer(_ code: JSONParseError.Code?, _ names: String...) {
            for name in names { answers["i_\(name).json"] = .some(code) }
        }
        // Exact numbers hold any integer; whether one can be signed is decided later.
        answer(
            nil, "number_very_big_negative_int", "number_too_big_pos_int",
            "number_too_big_neg_int")
        // No double is near: readers would see infinity, or zero for what is not zero.
        answer(
            .numberOutOfRange, "number_double_huge_neg_exp", "number_huge_exp",
            "number_neg_int_huge_exp", "number_pos_double_huge_exp", "number_real_neg_overflow",
            "number_real_pos_overflow", "number_real_underflow")
        // Half a surrogate pair is no character: readers replace, drop or keep it.
        answer(
            .loneSurrogate, "object_key_lone_2nd_surrogate",
            "string_1st_surrogate_but_2nd_missing", "string_1st_valid_surrogate_2nd_invalid",
            "string_incomplete_surrogate_and_escape_valid", "string_incomplete_surrogate_pair",
            "string_incomplete_surrogates_escape_valid", "string_invalid_lonely_surrogate",
            "string_invalid_surrogate", "string_inverted_surrogates_U+1D11E",
            "string_lone_second_surrogate")
        // RFC 8259 §8.1 wants UTF-8; overlong forms and encoded surrogates hide text from filters.
        answer(
            .invalidUTF8, "string_UTF-16LE_with_BOM", "string_UTF-8_invalid_sequence",
            "string_UTF8_surrogate_U+D800", "string_invalid_utf-8", "string_iso_latin_1",
            "string_lone_utf8_continuation_byte", "string_not_in_unicode_range",
            "string_overlong_sequence_2_bytes", "string_overlong_sequence_6_bytes",
            "string_overlong_sequence_6_bytes_null", "string_truncated-utf-8")
        // UTF-16 without a mark shows by its zero bytes, which stand nowhere in JSON.
        answer(.unexpectedCharacter, "string_utf16BE_no_BOM", "string_utf16LE_no_BOM")
        // RFC 8259 §8.1 allows to ignore the mark, but then equal texts would have other bytes.
        answer(.byteOrderMark, "structure_UTF-8_BOM_empty_object")
        // Deeper than the default of 64 levels.
        answer(.tooDeep, "structure_500_nested_arrays")
        return answers
    }()

    @Test(.corpus(archive)) func answersWhatIsOursToDecide() throws {
        let documents = try Self.documents("i_")
        #expect(Set(documents.map(\.name)) == Set(Self.answers.keys))
        for (name, bytes) in documents {
            guard let expected = Self.answers[name] else { continue }
            do throws(JSONParseError) {
                _ = try JSON(parsing: bytes)
                #expect(expected == nil, "\(name) was accepted")
            } catch {
                #expect(error.code == expected, "\(name): \(error)")
            }
        }
    }

    @Test(.corpus(archive)) func deeperLimitsAcceptTheNestedArrays() throws {
        let name = "i_structure_500_nested_arrays.json"
        let bytes = try #require(try Self.documents(name).first).bytes
        #expect(throws: Never.self) { try JSON(parsing: bytes, limits: .files) }
    }

    /// Whatever is accepted survives canonicalisation, or says why it has no canonical form.
    @Test(.corpus(archive)) func acceptedDocumentsHaveOneCanonicalForm() throws {
        for (name, bytes) in try Self.documents("") {
            guard let value = try? JSON(parsing: bytes) else { continue }
            guard let canonical = try? value.canonicalBytes() else {
                #expect(throws: Never.self, "\(name)") {
                    try JSON(canonical: value.canonicalBytes(numbers: .ecmaScript))
                }
                continue
            }
            #expect(try JSON(canonical: canonical) == value, "\(name)")
            #expect(try JSON(canonical: canonical).canonicalBytes() == canonical, "\(name)")
        }
    }
}
