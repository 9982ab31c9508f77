// SPDX-License-Identifier: Apache-2.0

public import ExequaturClient

extension GateOutcome {
    /// The outcome of a command that ran.
    public init(_ outcome: CommandOutcome) {
        switch outcome {
        case .exited(let code):
            self.init(code == 0 ? .succeeded : .failed, exitCode: code)
        case .signalled(0):
            self.init(.unknown, detail: "the gate lost track of the command")
        case .signalled(let signal):
            self.init(.failed, exitCode: 128 &+ signal, detail: "ended by signal \(signal)")
        }
    }
}
