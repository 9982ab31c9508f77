// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// Places whose reading gives credentials away, or whose writing gives power.
enum SensitivePaths {
    /// What naming these words means beyond the program's own effect.
    ///
    /// `program` is the program's own effect: what it may change matters beside what it reads.
    /// Words are taken as paths in every form in which programs accept them: `FILE`,
    /// `--opt=FILE`, `-oFILE`, `@FILE`, `host:FILE`, `file://FILE`.
    static func effect(
        of words: [String], cwd: String, program: Effect
    ) -> (effect: Effect, path: String)? {
        var worst: (effect: Effect, path: String)?
        for word in words {
            for path in paths(in: word, cwd: cwd) {
                guard let found = effect(of: path, program: program) else { continue }
                if worst.map({ found > $0.effect }) ?? true { worst = (found, path) }
            }
        }
        return worst
    }

    /// What naming this absolute path means.
    static func effect(of path: String, program: Effect) -> Effect? {
        let writes = program != .read
        let lower = path.asciiLowercased
        let isHarmless = harmless.contains { Glob.matches($0, lower) }
        if !isHarmless, credentials.contains(where: { Glob.matches($0, lower) }),
            !writes || !authorities.contains(where: { Glob.matches($0, lower) })
        {
            return .key
        }
        if writes {
            if roleFiles.contains(where: { Glob.matches($0, path) }) { return .role }
            if agentFiles.contains(where: { Glob.matches($0, lower) }) { return .role }
            let isMachine = machineFiles.contains { Glob.matches($0, path) }
            if program >= .write, isMachine { return .infrastructure }
        }
        if isHarmless { return nil }
        if Glob.matches("/dev/*", path), !devices.contains(where: { Glob.matches($0, path) }) {
            return .export
        }
        return nil
    }

    /// The path with `.`, `..` and doubled slashes taken out, as the words alone tell.
    static func absolute(_ path: String, cwd: String) -> String {
        let full = path.hasBytePrefix("/") ? path : cwd + "/" + path
        var parts: [String] = []
        for part in full.parts(separatedBy: UInt8(ascii: "/")) {
            if part.isEmpty || part.isBytes(".") { continue }
            if part.isBytes("..") { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Everything in a word that a program may take for a path, made absolute.
    static func paths(in word: String, cwd: String) -> [String] {
        candidates(word).map { absolute($0, cwd: cwd) }
    }

    /// Every piece of a word that could be a path where programs join several: `SOURCE:TARGET`,
    /// `type=bind,source=PATH`, `user@host:PATH`.
    static func pieces(of word: String, cwd: String) -> [String] {
        let separators = "=@:,".utf8
        return paths(in: word, cwd: cwd)
            + word.utf8.split(whereSeparator: separators.contains)
            .map { absolute(String(Substring($0)), cwd: cwd) }
    }

    private static func candidates(_ word: String) -> [String] {
        var found = word.hasBytePrefix("-") ? [] : [word]
        for separator in [UInt8(ascii: "="), UInt8(ascii: "@"), UInt8(ascii: ":")] {
            if let cut = word.utf8.firstIndex(of: separator) {
                found.append(String(word[word.utf8.index(after: cut)...]))
            }
        }
        if word.hasBytePrefix("-"), !word.hasBytePrefix("--"), let rest = word.dropping(bytes: 2) {
            found.append(rest)
        }
        for part in found where part.hasBytePrefix("//") || part.hasBytePrefix("file://") {
            if let cut = part.utf8.firstIndex(of: UInt8(ascii: "/")) {
                found.append(String(part[cut...]))
            }
        }
        return found.filter { !$0.isEmpty }
    }

    /// Programs that look at names and metadata only, never into a file.
    static let metadataPrograms: Set<String> = [
        "ls", "dir", "vdir", "stat", "du", "df", "test", "[", "echo", "printf", "expr",
        "basename", "dirname", "realpath", "readlink", "find", "gfind", "pwd", "tree", "namei",
        "getfacl", "lsattr", "getcap", "which", "whereis", "true", "false", "locate", "plocate",
    ]

    private static let harmless = [
        "*.pub", "*/known_hosts", "*/known_hosts.old", "*.env.example", "*.env.sample",
        "*.env.template", "/etc/ssl/certs/*", "/usr/share/ca-certificates/*",
    ]

    private static let credentials = [
        "/etc/shadow*", "/etc/gshadow*", "/etc/security/opasswd", "/etc/ssh/ssh_host_*",
        "/etc/ssl/private*", "/etc/letsencrypt/*", "/etc/kubernetes/*", "/etc/krb5.keytab",
        "/etc/exequatur/*", "/run/secrets*", "/var/run/secrets*", "/run/credentials*",
        "/proc/*/environ", "/proc/*/mem", "/proc/*/root*", "/proc/*/cwd*", "/proc/*/fd/*",
        "/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port",
        "*/.ssh/*", "*/.gnupg/*", "*/.aws/*", "*/.azure/*", "*/.config/gcloud/*",
        "*/.config/gh/*", "*/.kube/*", "*kubeconfig*", "*/.docker/config.json", "*/.netrc",
        "*/_netrc", "*/.pgpass", "*/.my.cnf", "*/.mylogin.cnf", "*/.git-credentials",
        "*/.npmrc", "*/.pypirc", "*/.password-store/*", "*/.vault-token", "*/.cargo/credentials*",
        "*/.terraform.d/*", "*/.terraformrc", "*.tfstate", "*.tfstate.*", "*/.env", "*/.env.*",
        "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx",
        "*.keytab", "*.ppk", "*.ovpn", "*.asc", "*/id_rsa*", "*/id_dsa*", "*/id_ecdsa*",
        "*/id_ed25519*", "*/credentials", "*/credentials.*", "*/credential", "*/secrets",
        "*/secrets.*", "*/secret", "*/secret.*", "*/secrets/*", "*password*", "*passwd.*",
        "*/.htpasswd", "*.token", "*/token", "*/tokens", "*_history", "*/wp-config.php",
        "*/exequatur-data/*", "*/.local/state/exequatur/*", "*/application_default_credentials*",
        "*service-account*.json", "*service_account*.json", "*/auth.json", "*/.boto", "*/.s3cfg",
        "*/rclone.conf", "*/.config/rclone/*", "*/shadow", "*/master.key", "*/.bw*", "*/.age/*",
        "*/sops/age/*", "*/.step/*", "*/.mc/config.json", "*/login.keychain*",
    ]

    /// Whoever writes these gains rights rather than secrets.
    private static let authorities = ["*/.ssh/authorized_keys*", "*/.ssh/rc"]

    private static let devices = [
        "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/stdin",
        "/dev/stdout", "/dev/stderr", "/dev/fd/*", "/dev/tty",
    ]

    private static let roleFiles = [
        "/etc/passwd*", "/etc/group*", "/etc/shadow*", "/etc/gshadow*", "/etc/sudoers*",
        "/etc/pam.d*", "/etc/security/*", "/etc/polkit-1/*", "/etc/doas.conf",
        "/etc/ssh/sshd_config*", "*/.ssh/authorized_keys*", "*/.ssh/rc", "/etc/login.defs",
        "/etc/nsswitch.conf", "/etc/subuid", "/etc/subgid",
    ]

    /// Settings of coding agents: whoever writes them decides what an agent may do unasked.
    private static let agentFiles = [
        "*/.claude/settings*.json", "*/.claude/hooks/*", "*/.claude.json", "/etc/claude-code/*",
        "*/.codex/hooks.json", "*/.codex/config.toml", "*/.codex/hooks/*", "/etc/codex/*",
        "*/.cursor/hooks.json", "*/.cursor/hooks/*", "*/.cursor/cli-config.json",
        "/etc/cursor/*", "*/.gemini/settings.json", "*/.gemini/policies/*", "*/.gemini/hooks/*",
        "/etc/gemini-cli/*",
    ]

    private static let machineFiles = [
        "/etc/*", "/boot/*", "/lib/*", "/lib64/*", "/usr/*", "/bin/*", "/sbin/*", "/sys/*",
        "/proc/*", "/var/spool/cron*", "/dev/sd*", "/dev/vd*", "/dev/nvme*", "/dev/mapper/*",
        "/dev/disk/*", "/dev/md*", "/dev/loop*", "/dev/dm-*", "/run/systemd/*",
    ]
}
