// SPDX-License-Identifier: Apache-2.0

internal import ApprovalCore

/// What a variable of the environment may do to a program that is started with it.
public enum EnvironmentRules {
    /// How a variable is treated when a command is frozen.
    public enum Treatment: Sendable, Hashable {
        /// Passed on, with its value in the open.
        case pass
        /// Passed on, with only a keyed digest of its value in the open.
        case secret
        /// Never passed on, and listed: it makes loaders or interpreters run something else.
        case dangerous
        /// Not passed on unless named by the caller.
        case other
    }

    /// The treatment of a variable by its name and value; `asked` when the caller named it.
    ///
    /// Dangerous ones stay dangerous however much they are asked for.
    public static func treatment(
        of name: String, value: String, asked: Bool = false
    ) -> Treatment {
        if !isName(name) || isDangerous(name) || value.utf8.starts(with: "() {".utf8) {
            return .dangerous
        }
        if name.hasBytePrefix("EXEQUATUR_") { return .other }
        guard asked || passed.contains(where: { Glob.matches($0, name) }) else { return .other }
        return isSecret(name: name, value: value) ? .secret : .pass
    }

    /// Tells whether a variable makes loaders, shells, interpreters or tools run something else.
    public static func isDangerous(_ name: String) -> Bool {
        dangerous.contains { Glob.matches($0, name) }
    }

    /// Tells whether a variable leaves every program in the table to its usual settings.
    package static func isHarmless(_ name: String) -> Bool {
        harmless.contains { Glob.matches($0, name) }
    }

    /// Tells whether a value should not be shown, by its name or its form.
    public static func isSecret(name: String, value: String) -> Bool {
        let upper = String(
            decoding: name.utf8.map { (0x61...0x7A).contains($0) ? $0 & 0xDF : $0 },
            as: UTF8.self)
        if secretNames.contains(where: { Glob.matches($0, upper) }) { return true }
        if secretValues.contains(where: { Glob.matches($0, value) }) { return true }
        // scheme://user:password@host
        return Glob.matches("*://*:*@*", value)
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte)
                    || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            }
    }

    private static let dangerous = [
        // dynamic loaders and the C library (ld.so(8), getconf(1), iconv(1), tzset(3))
        "LD_*", "DYLD_*", "_RLD*", "LDR_*", "LIBPATH", "SHLIB_PATH", "GCONV_PATH", "GETCONF_DIR",
        "GLIBC_TUNABLES", "MALLOC_*", "NLSPATH", "LOCPATH", "RES_OPTIONS", "HOSTALIASES",
        "LOCALDOMAIN", "RESOLV_*", "NIS_PATH", "NSS_*",
        // shells
        "BASH_*", "BASHOPTS", "SHELLOPTS", "ENV", "IFS", "CDPATH", "GLOBIGNORE", "PS0", "PS1",
        "PS2", "PS4", "PROMPT_COMMAND", "POSIXLY_CORRECT", "ZDOTDIR", "FPATH", "KSH_ENV",
        "FISH_*", "fish_*", "INPUTRC", "HISTFILE", "MAILPATH", "FCEDIT",
        // interpreters and their module paths
        "PYTHON*", "PERL*", "RUBY*", "GEM_*", "BUNDLE_*", "NODE_*", "NPM_*", "npm_*", "DENO_*",
        "LUA_*", "PHPRC", "PHP_INI_SCAN_DIR", "TCLLIBPATH", "TCL_LIBRARY", "R_*", "JULIA_*",
        "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "CLASSPATH",
        "MAVEN_OPTS", "GRADLE_OPTS", "SBT_OPTS", "DOTNET_*", "COR_*", "CORECLR_*", "COMPlus_*",
        "AWKPATH", "AWKLIBPATH", "ERL_*", "ELIXIR_*", "OCAML*", "CAML*", "GUILE_*", "EMACS*",
        "VIMINIT", "EXINIT", "VIM*", "MYVIMRC", "GOFLAGS", "GODEBUG", "RUSTC*", "RUSTFLAGS",
        "CARGO_*", "MAKEFLAGS", "MAKEFILES", "MFLAGS", "VIRTUAL_ENV_*",
        // tools that run what a variable names
        "GIT_*", "SSH_ASKPASS*", "SUDO_ASKPASS", "EDITOR", "VISUAL", "PAGER", "MANPAGER",
        "MANOPT", "MANPATH", "LESS*", "MORE", "BROWSER", "SYSTEMD_*", "AWS_PAGER", "DPKG_*",
        "APT_CONFIG", "DEBCONF_*", "TAR_OPTIONS", "TAPE", "RSYNC_*", "CVS_RSH", "SVN_*", "HG*",
        "GREP_OPTIONS", "GREP_COLOR*", "RIPGREP_CONFIG_PATH", "JQ_*", "CURL_HOME", "WGETRC",
        "OPENSSL_*", "SSLKEYLOGFILE", "KUBE_EDITOR", "KUBECTL_*", "HELM_PLUGINS", "HELM_*",
        "TF_CLI_*", "TF_PLUGIN_*", "TERRAFORM_CONFIG", "ANSIBLE_*", "DOCKER_CLI_*", "PSQLRC",
        "PSQL_*", "SQLITE_*", "MYSQL_HOME", "MYSQL_TEST_*", "PG_COLORS", "PGSYSCONFDIR",
        "PGSERVICEFILE", "GTK_*", "QT_*", "LIBGL_*", "VK_*", "XLOCALEDIR", "TERMINFO*",
        "TERMCAP", "TERMPATH", "MAGIC", "COLUMNS_*", "ASAN_*", "LSAN_*", "TSAN_*", "UBSAN_*",
        "MSAN_*", "SWIFT_*", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "GZIP", "BZIP", "BZIP2",
        "XZ_*", "ZSTD_*", "ZIPOPT", "UNZIP", "CCACHE_*", "DISTCC_*",
    ]

    private static let passed = [
        "HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM",
        "TMPDIR", "NO_COLOR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME",
        "XDG_STATE_HOME", "PG*", "MYSQL_HOST", "MYSQL_PWD", "MYSQL_TCP_PORT", "DATABASE_URL",
        "REDIS_URL", "AWS_*", "GOOGLE_*", "CLOUDSDK_*", "GCLOUD_*", "AZURE_*", "ARM_*",
        "KUBECONFIG", "KUBE_CONTEXT", "VAULT_*", "BAO_*", "CONSUL_*", "NOMAD_*", "DOCKER_HOST",
        "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "TF_VAR_*",
        "TF_WORKSPACE", "TF_DATA_DIR", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN",
        "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
        "ALL_PROXY", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "ETCDCTL_*",
    ]

    private static let harmless = [
        "HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM",
        "TMPDIR", "NO_COLOR", "PWD", "PAGER", "GIT_PAGER", "SYSTEMD_PAGER", "MANPAGER",
        "AWS_PAGER", "AWS_REGION", "AWS_DEFAULT_REGION", "GIT_OPTIONAL_LOCKS",
    ]

    private static let secretNames = [
        "*PASSWORD*", "*PASSWD*", "*PASSPHRASE*", "*_PWD", "*SECRET*", "*TOKEN*", "*APIKEY*",
        "*API_KEY*", "*ACCESS_KEY", "*PRIVATE_KEY*", "*SIGNING_KEY*", "*ENCRYPTION_KEY*",
        "*_KEY", "*CREDENTIAL*", "*_DSN", "*DATABASE_URL*", "*CONNECTION_STRING*", "*REDIS_URL*",
        "*AUTH*", "*COOKIE*", "*SESSION*", "*_SAS", "*WEBHOOK*",
    ]

    private static let secretValues = [
        "ghp_*", "gho_*", "ghs_*", "github_pat_*", "glpat-*", "AKIA*", "ASIA*", "sk-*", "xox*-*",
        "eyJ*.*.*", "*-----BEGIN *", "hvs.*", "npm_*", "pypi-*", "SG.*", "AIza*", "ya29.*",
        "dop_v1_*", "shpat_*", "rk_live_*", "sk_live_*",
    ]
}
