// SPDX-License-Identifier: Apache-2.0

import Cedar
import TestSupport
import Testing

@Suite struct ExtensionTests {
    @Test(arguments: [
        ("1.0", 10_000), ("1.00", 10_000), ("-1.0", -10_000), ("0.0001", 1), ("-0.0001", -1),
        ("-0.5", -5_000), ("00012.3400", 123_400), ("922337203685477.5807", Int64.max),
        ("-922337203685477.5808", Int64.min),
    ])
    func decimals(_ text: String, _ expected: Int64) throws {
        #expect(try DecimalValue(parsing: text).tenThousandths == expected)
    }

    @Test(arguments: [
        "", "1", "1.", ".1", "-", "-.5", "+1.0", "1.00000", "1.0.0", "1e5", " 1.0", "1.0 ", "1,0",
        "922337203685477.5808", "-922337203685477.5809", "99999999999999999999.0", "\u{661}.0",
    ])
    func badDecimals(_ text: String) {
        #expect(throws: ExtensionParseError.self) { try DecimalValue(parsing: text) }
    }

    @Test func decimalsRenderAsTheyRead() throws {
        var random = SeededRandom.forTest()
        for value in [0, 1, -1, Int64.max, .min]
            + (0..<500).map({ _ in
                Int64.random(in: .min ... .max, using: &random)
                    >> Int64.random(in: 0..<60, using: &random)
            })
        {
            let decimal = DecimalValue(tenThousandths: value)
            #expect(try DecimalValue(parsing: decimal.description) == decimal)
        }
        #expect(DecimalValue(tenThousandths: -5_000).description == "-0.5000")
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1/32"), ("10.0.0.0/8", "10.0.0.0/8"), ("0.0.0.0/0", "0.0.0.0/0"),
        ("::", "::/128"), ("::1", "::1/128"), ("1::", "1::/128"), ("FFEE::/64", "ffee::/64"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8/128"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128"), ("1:0:0:4:0:0:0:8", "1:0:0:4::8/128"),
        ("2001:db8::0001/0", "2001:db8::1/0"),
    ])
    func addresses(_ text: String, _ rendered: String) throws {
        let address = try IPAddressValue(parsing: text)
        #expect(address.description == rendered)
        #expect(try IPAddressValue(parsing: rendered) == address)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1.2.3.4/", "1.2.3.4/33",
        "1.2.3.4/08", "1.2.3.4/+8", "1.2.3.4/8/8", " 1.2.3.4", "1..2.3", "a.b.c.d", ":", ":::",
        "1:2", "1::2::3", "12345::", "g::", "::1/129", "::1/001", "::ffff:1.2.3.4", ":1::",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "::1%eth0", "0x7f.0.0.1",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000",
    ])
    func badAddresses(_ text: String) {
        #expect(throws: ExtensionParseError.self) { try IPAddressValue(parsing: text) }
    }

    @Test(arguments: [
        ("127.0.0.1", "isLoopback", true), ("127.0.0.0/8", "isLoopback", true),
        ("127.0.0.0/7", "isLoopback", false), ("::1", "isLoopback", true),
        ("::2", "isLoopback", false), ("::1/127", "isLoopback", false),
        ("224.0.0.1", "isMulticast", true), ("224.0.0.0/3", "isMulticast", false),
        ("239.255.255.255", "isMulticast", true), ("240.0.0.0", "isMulticast", false),
        ("ff00::1", "isMulticast", true), ("fe00::1", "isMulticast", false),
        ("1.2.3.4", "isIpv4", true), ("::", "isIpv4", false), ("::", "isIpv6", true),
    ])
    func addressQuestions(_ text: String, _ method: String, _ expected: Bool) throws {
        #expect(
            try World.outcome(of: "ip(\"\(text)\").\(method)()")
                == (expected ? .satisfied : .unsatisfied))
    }

    @Test(arguments: [
        ("10.1.2.3", "10.0.0.0/8", true), ("10.0.0.0/8", "10.1.2.3", false),
        ("10.0.0.0/8", "10.0.0.0/8", true), ("10.0.0.0/7", "10.0.0.0/8", false),
        ("1.2.3.4", "0.0.0.0/0", true), ("::1", "::/0", true), ("1.2.3.4", "::/0", false),
        ("::1", "0.0.0.0/0", false), ("11.0.0.1", "10.0.0.0/8", false),
        ("ffee::1", "ffee::/64", true), ("ffef::1", "ffee::/64", false),
    ])
    func ranges(_ one: String, _ two: String, _ expected: Bool) throws {
        let range = try IPAddressValue(parsing: two)
        #expect(try IPAddressValue(parsing: one).isInRange(range) == expected)
    }

    @Test(
        arguments: [
            ("1970-01-01", 0), ("1970-01-02", 86_400_000), ("1969-12-31", -86_400_000),
            ("2024-02-29", 1_709_164_800_000), ("2000-02-29", 951_782_400_000),
            ("2024-10-15T11:35:00Z", 1_728_992_100_000),
            ("2024-10-15T11:35:00.123Z", 1_728_992_100_123),
            ("2024-10-15T11:35:00+0100", 1_728_988_500_000),
            ("2024-10-15T11:35:00.001-2359", 1_729_078_440_001),
            ("0000-01-01", -62_167_219_200_000), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("1969-12-31T23:59:59.999Z", -1),
        ] as [(String, Int64)])
    func instants(_ text: String, _ epoch: Int64) throws {
        #expect(try DateTimeValue(parsing: text).epoch == epoch)
    }

    @Test(arguments: [
        "", "2024", "2024-1-01", "2024-01-1", "24-01-01", "2024-00-01", "2024-13-01", "2024-01-00",
        "2024-01-32", "2023-02-29", "1900-02-29", "2024-04-31", "2024-01-01T",
        "2024-01-01T00:00:00",
        "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00Z",
        "2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.1234Z", "2024-01-01T00:00:00+2400",
        "2024-01-01T00:00:00+0060", "2024-01-01T00:00:00+01:00", "2024-01-01T00:00:00+01",
        "2024-01-01t00:00:00Z", "2024-01-01T00:00:00z", "2024-01-01 00:00:00Z", "2024-01-01Z",
        "2024-01-01T00:00:00Z ", "-2024-01-01", "+2024-01-01", "2024-01-01T00:00:00.Z",
    ])
    func badInstants(_ text: String) {
        #expect(throws: ExtensionParseError.self) { try DateTimeValue(parsing: text) }
    }

    @Test(arguments: [
        ("1d", 86_400_000), ("1h", 3_600_000), ("1m", 60_000), ("1s", 1_000), ("1ms", 1),
        ("1d2h3m4s5ms", 93_784_005), ("-1d2h", -93_600_000), ("1m1ms", 60_001), ("0d", 0),
        ("-0ms", 0), ("90m", 5_400_000), ("9223372036854775807ms", Int64.max),
        ("-9223372036854775808ms", Int64.min), ("00001s", 1_000),
    ])
    func durations(_ text: String, _ milliseconds: Int64) throws {
        #expect(try DurationValue(parsing: text).milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "-", "1", "d", "1x", "1D", "1 d", "1h1d", "1d1d", "1ms1s", "1s1m", "+1d", "--1d",
        "1.5h",
        "1dd", "1mss", "d1", "9223372036854775808ms", "-9223372036854775809ms",
        "106751991168d", "9223372036854776s", "99999999999999999999ms", "1d-1h",
    ])
    func badDurations(_ text: String) {
        #expect(throws: ExtensionParseError.self) { try DurationValue(parsing: text) }
    }

    @Test(arguments: [
        ("decimal(\"1.0\") == decimal(\"1.00\")", true), ("decimal(\"1.0\") == 1", false),
        ("decimal(\"1.0\").lessThan(decimal(\"1.1\"))", true),
        ("decimal(\"1.0\").lessThanOrEqual(decimal(\"1.00\"))", true),
        ("decimal(\"-0.5\").greaterThan(decimal(\"0.5\"))", false),
        ("decimal(\"2.0\").greaterThanOrEqual(decimal(\"2.0\"))", true),
        ("ip(\"10.0.0.1\") == ip(\"10.0.0.1/32\")", true),
        ("ip(\"10.0.0.1/8\") == ip(\"10.0.0.2/8\")", false),
        ("ip(\"::1\") == ip(\"0:0:0:0:0:0:0:1\")", true),
        ("[ip(\"::1\")].contains(ip(\"0::1\"))", true),
        ("datetime(\"2024-01-01\") < datetime(\"2024-01-02\")", true),
        ("datetime(\"2024-01-01\") == datetime(\"2024-01-01T01:00:00+0100\")", true),
        ("duration(\"1h\") == duration(\"60m\")", true),
        ("duration(\"1h\") > duration(\"61m\")", false),
        ("datetime(\"2024-01-01\").offset(duration(\"1d\")) == datetime(\"2024-01-02\")", true),
        (
            "datetime(\"2024-01-02\").durationSince(datetime(\"2024-01-01\")) == duration(\"1d\")",
            true
        ),
        ("datetime(\"2024-01-01T11:00:00Z\").toDate() == datetime(\"2024-01-01\")", true),
        ("datetime(\"2024-01-01T11:00:00Z\").toTime() == duration(\"11h\")", true),
        ("datetime(\"1969-12-31T23:00:00Z\").toDate() == datetime(\"1969-12-31\")", true),
        ("datetime(\"1969-12-31T23:00:00Z\").toTime() == duration(\"23h\")", true),
        ("duration(\"-36h\").toDays() == -1", true), ("duration(\"90s\").toMinutes() == 1", true),
        ("duration(\"1500ms\").toSeconds() == 1", true),
        ("duration(\"1d\").toHours() == 24 && duration(\"1s\").toMilliseconds() == 1000", true),
    ])
    func expressions(_ expression: String, _ expected: Bool) throws {
        #expect(try World.outcome(of: expression) == (expected ? .satisfied : .unsatisfied))
    }

    @Test(arguments: [
        "datetime(\"2024-01-01\").offset(duration(\"9223372036854775807ms\")) == 1",
        "datetime(\"1960-01-01\").offset(duration(\"-9223372036854775807ms\")) == 1",
        "datetime(\"1970-01-01\").offset(duration(\"-9223372036854775808ms\")).toDate() == 1",
        "datetime(\"1970-01-01\").durationSince(datetime(\"1970-01-01\")"
            + ".offset(duration(\"-9223372036854775808ms\"))) == 1",
    ])
    func whatDoesNotFitFails(_ expression: String) throws {
        #expect(try World.outcome(of: expression) == .failed(.failedExtensionFunctionExecution))
    }
}
