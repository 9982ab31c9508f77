// SPDX-License-Identifier: Apache-2.0

import ApprovalCore
import CanonicalJSON
import TestSupport
import Testing
import TransparencyLog

@testable import Channels

/// Python's own `zipfile` and `zlib`.
private let referee = PythonReferee(
    name: "package referee", script: "Tests/Referees/teams_package.py", modules: ["zipfile"],
    batch: 50)

@Suite("Teams: the app package", .enabled(if: referee.isHere, "no Python"))
struct TeamsPackageTests {
    private let package = TeamsPackage(
        appID: TeamsScene.appID, name: "Approvals", developer: "Example",
        website: "https://example.org/", privacy: "https://example.org/privacy",
        terms: "https://example.org/terms")

    private func read(_ bytes: [UInt8]) throws -> JSON {
        let answer = try referee.ask(["packages": [.string(CanonicalBase64.encode(bytes))]])
        return try #require(answer["packages"]?[0])
    }

    @Test("is an archive of a manifest and two icons, the same each time")
    func archive() throws {
        let found = try read(package.bytes)
        #expect(found["problem"] == nil)
        #expect(found["names"] == ["manifest.json", "color.png", "outline.png"])
        #expect(found["manifest"] == package.manifest)
        #expect(package.bytes == package.bytes)
    }

    @Test("has icons of the sizes and colours that Teams wants")
    func icons() throws {
        let found = try read(package.bytes)
        let (color, outline) = (found["color"], found["outline"])
        #expect(color?["width"] == 192 && color?["height"] == 192)
        #expect(color?["opaque"] == true && color?["white"] == false)
        #expect(color?["corner"] == [0x14, 0x34, 0x2B, 255])
        #expect(outline?["width"] == 32 && outline?["height"] == 32)
        #expect(outline?["white"] == true && outline?["opaque"] == false)
        #expect(outline?["corner"] == [255, 255, 255, 0])
        for (icon, pixels) in [(color, 192 * 192), (outline, 32 * 32)] {
            let inked = Int(icon?["inked"]?.intValue ?? 0)
            #expect(inked > pixels / 50 && inked < pixels / 2)
        }
    }

    @Test("has a manifest with a bot that hears everybody and takes no files")
    func manifest() {
        let manifest = package.manifest
        let bot = manifest["bots"]?[0]
        #expect(bot?["botId"]?.stringValue == TeamsScene.appID)
        #expect(bot?["scopes"] == ["personal", "team", "groupChat"])
        #expect(bot?["supportsFiles"] == false && bot?["isNotificationOnly"] == false)
        #expect(manifest["id"] == bot?["botId"])
        #expect(
            manifest["$schema"]?.stringValue?
                .contains("/v\(manifest["manifestVersion"]?.stringValue ?? "?")/") == true)
        for command in bot?["commandLists"]?[0]?["commands"]?.arrayValue ?? [] {
            #expect((command["title"]?.stringValue ?? "").count <= 32)
            #expect((command["description"]?.stringValue ?? "").count <= 128)
        }
        #expect((manifest["description"]?["short"]?.stringValue ?? "").count <= 80)
        for name in ["privacyUrl", "termsOfUseUrl", "websiteUrl"] {
            #expect(manifest["developer"]?[name]?.stringValue?.hasPrefix("https://") == true)
        }
    }

    @Test("the judge sees a changed byte and an archive that was cut")
    func mistakes() throws {
        var changed = package.bytes
        changed[changed.count / 2] ^= 1
        #expect(try read(changed)["problem"] != nil)
        #expect(try read(Array(package.bytes.dropLast()))["problem"] != nil)
        var zip = StoredZip()
        zip.add("manifest.json", Array("{}".utf8))
        #expect(try read(zip.bytes)["problem"] != nil)
        #expect(try read(StoredZip().bytes)["problem"] != nil)
    }

    @Test("checksums are those of zlib")
    func checksums() throws {
        var random = SeededRandom.forTest()
        let all: [[UInt8]] =
            [[], [0], Array("123456789".utf8), [UInt8](repeating: 255, count: 70_000)]
            + (0..<50).map { _ in
                (0..<Int.random(in: 1...300, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
            }
        let answers = try referee.ask([
            "checksums": .array(all.map { .string(CanonicalBase64.encode($0)) })
        ])
        for (bytes, found) in zip(all, try #require(answers["checksums"]?.arrayValue)) {
            let ours: JSON = [
                .int(Int64(Checksums.crc32(bytes))), .int(Int64(Checksums.adler32(bytes))),
            ]
            #expect(ours == found)
        }
        #expect(Checksums.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
    }
}
