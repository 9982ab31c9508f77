// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Facts

@Suite struct ShellTextTests {
    @Test(
        "words are those that a shell would make",
        arguments: [
            ("ls -la", [["ls", "-la"]]), ("  ls\t-la  ", [["ls", "-la"]]),
            ("grep 'a b' \"c d\"", [["grep", "a b", "c d"]]),
            ("echo a'b'\"c\"d", [["echo", "abcd"]]), ("echo '' x", [["echo", "", "x"]]),
            ("echo a\\ b", [["echo", "a b"]]), ("echo \"a\\\"b\"", [["echo", "a\"b"]]),
            ("echo \"a\\nb\"", [["echo", "a\\nb"]]), ("ls \\\n -l", [["ls", "-l"]]),
            ("git log HEAD~1 a=b x#y", [["git", "log", "HEAD~1", "a=b", "x#y"]]),
            ("ls; pwd", [["ls"], ["pwd"]]), ("ls && pwd || df", [["ls"], ["pwd"], ["df"]]),
            ("ls | wc -l", [["ls"], ["wc", "-l"]]), ("ls |\nwc", [["ls"], ["wc"]]),
            ("\nls\n\npwd\n", [["ls"], ["pwd"]]), ("ls;", [["ls"]]),
            ("ls 2>&1", [["ls"]]), ("ls >/dev/null 2>&1", [["ls"]]), ("ls 2> /dev/null", [["ls"]]),
            ("echo a2 b", [["echo", "a2", "b"]]),
        ])
    func words(text: String, expected: [[String]]) {
        let read = ShellText(text)
        #expect(read.doubt == nil)
        #expect(read.commands.map(\.words) == expected)
    }

    @Test func operatorsAndFilesAreKept() {
        let read = ShellText("cat a >b | tee c >>\"d e\" && pwd")
        #expect(read.commands.map(\.written) == [["b"], ["d e"], []])
        #expect(read.commands.map(\.isPiped) == [false, true, false])
        #expect(read.commands.map(\.joint) == ["", "|", "&&"])
    }

    @Test(
        "whatever a shell would act on beyond that is a doubt",
        arguments: [
            "", " ", "\n", "ls &&", "| ls", "ls | | wc", "ls &", "ls & pwd", "ls |& wc", "> x",
            "echo $HOME", "echo ${X}", "echo \"$X\"", "echo `id`", "echo \"`id`\"", "echo $(id)",
            "echo \"$(id)\"", "ls *", "ls a?", "ls [a]", "ls {a,b}", "ls ~", "ls ~root", "x=~ ls",
            "ls a=~", "ls a:~/b", "(ls)", "{ ls; }", "ls < a", "cat <<E\nE", "cat <<< a",
            "ls <(id)", "ls >(id)", "ls &> a", "ls >& a", "ls 3> a", "ls 0> a", "ls 2>&3",
            "ls 2>&1x", "ls >|a", "echo 'a", "echo \"a", "echo \\", "ls # x", "#x", "!ls",
            "! ls", "X=1 ls", "X+=1 ls", "if ls; then pwd; fi", "for x in a; do ls; done",
            "exec ls", "command ls", "eval ls", ". x", "source x", "alias ls=id", "export A=b",
            "time ls", "set -x", "trap id EXIT", "'' ls", "echo a!b", "=ls", "ls =ls", "%1",
            "^a^b", "ls\rpwd", "ls\u{0}", "echo \\x41", "echo \\101", "echo 'a\\'b'",
            "echo 'a\\\\'",
            "echo \"a!b\"", "coproc ls", "repeat 2 ls",
        ])
    func doubts(text: String) {
        let read = ShellText(text)
        #expect(read.doubt != nil)
        #expect(read.commands.isEmpty)
    }

    @Test func longTextsAreADoubt() {
        #expect(ShellText("echo " + String(repeating: "a", count: 65_536)).doubt != nil)
        #expect(ShellText(String(repeating: "ls;", count: 257)).doubt != nil)
        #expect(ShellText(String(repeating: "ls;", count: 256)).doubt == nil)
    }
}
