// SPDX-License-Identifier: Apache-2.0

/// A picture of colours with opacity, as PNG (ISO/IEC 15948) without compression.
struct PixelImage {
    struct Colour: Hashable {
        let red: UInt8
        let green: UInt8
        let blue: UInt8
        var opacity: UInt8 = 255
    }

    let side: Int
    private var rows: [UInt8] = []

    /// Makes a square; `colour` gives what stands at a column and row.
    init(side: Int, _ colour: (_ x: Int, _ y: Int) -> Colour) {
        self.side = side
        for y in 0..<side {
            // No filter: each byte stands for itself.
            rows.append(0)
            for x in 0..<side {
                let found = colour(x, y)
                rows += [found.red, found.green, found.blue, found.opacity]
            }
        }
    }

    var png: [UInt8] {
        var header: [UInt8] = []
        header.append(big: UInt32(side))
        header.append(big: UInt32(side))
        // Eight bits each of red, green, blue and opacity; the only methods there are.
        header += [8, 6, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + Self.chunk("IHDR", header)
            + Self.chunk("IDAT", Self.zlib(rows)) + Self.chunk("IEND", [])
    }

    private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let content = Array(name.utf8) + data
        var bytes: [UInt8] = []
        bytes.append(big: UInt32(data.count))
        bytes += content
        bytes.append(big: Checksums.crc32(content))
        return bytes
    }

    /// Blocks of deflate that are stored as they are, each of at most 65,535 bytes.
    private static func zlib(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x78, 0x01]
        for start in stride(from: 0, to: bytes.count, by: 65_535) {
            let block = bytes[start..<min(start + 65_535, bytes.count)]
            result.append(block.endIndex == bytes.count ? 1 : 0)
            result.append(little: UInt16(block.count))
            result.append(little: ~UInt16(block.count))
            result += block
        }
        result.append(big: Checksums.adler32(bytes))
        return result
    }
}

/// The icons of the app: a tick in a ring.
enum TeamsIcon {
    /// White on the colour of the brand, 192 pixels wide, with room around it as Teams wants.
    static var color: [UInt8] {
        let back = (red: 0x14, green: 0x34, blue: 0x2B)
        return PixelImage(side: 192) { x, y in
            let ink = ink(x, y, side: 192, size: 0.3)
            func mixed(_ value: Int) -> UInt8 {
                UInt8((Double(value) + (255 - Double(value)) * ink).rounded())
            }
            return PixelImage.Colour(
                red: mixed(back.red), green: mixed(back.green), blue: mixed(back.blue))
        }.png
    }

    /// White on nothing, 32 pixels wide.
    static var outline: [UInt8] {
        PixelImage(side: 32) { x, y in
            let ink = ink(x, y, side: 32, size: 0.46)
            return PixelImage.Colour(
                red: 255, green: 255, blue: 255, opacity: UInt8((ink * 255).rounded()))
        }.png
    }

    /// How much of a pixel is inked, 0 to 1; `size` is the ring's radius in parts of the side.
    private static func ink(_ x: Int, _ y: Int, side: Int, size: Double) -> Double {
        let scale = Double(side) * size
        let point = (
            x: (Double(x) + 0.5 - Double(side) / 2) / scale,
            y: (Double(y) + 0.5 - Double(side) / 2) / scale
        )
        let radius = (point.x * point.x + point.y * point.y).squareRoot()
        let nearest = min(
            abs(radius - 0.9), distance(point, (-0.42, 0.02), (-0.12, 0.34)),
            distance(point, (-0.12, 0.34), (0.44, -0.3)))
        // Half a pixel on both sides of the edge, so that it looks smooth.
        return min(1, max(0, (0.1 - nearest) * scale + 0.5))
    }

    private static func distance(
        _ point: (x: Double, y: Double), _ from: (x: Double, y: Double),
        _ to: (x: Double, y: Double)
    ) -> Double {
        let along = (x: to.x - from.x, y: to.y - from.y)
        let length = along.x * along.x + along.y * along.y
        let part = ((point.x - from.x) * along.x + (point.y - from.y) * along.y) / length
        let held = min(1, max(0, part))
        let away = (
            x: point.x - from.x - held * along.x, y: point.y - from.y - held * along.y
        )
        return (away.x * away.x + away.y * away.y).squareRoot()
    }
}
