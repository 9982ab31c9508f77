# SPDX-License-Identifier: Apache-2.0
"""Which variables a command gets, and how they are shown; the rules of ``exequatur run``."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate

from .errors import CommandError
from .tokens import contains_token

__all__ = ["CommandEnvironment"]

# They make loaders, shells, interpreters or tools run something else.
_DANGEROUS = (
    "LD_*", "DYLD_*", "_RLD*", "LDR_*", "LIBPATH", "SHLIB_PATH", "GCONV_PATH", "GETCONF_DIR",
    "GLIBC_TUNABLES", "MALLOC_*", "NLSPATH", "LOCPATH", "RES_OPTIONS", "HOSTALIASES",
    "LOCALDOMAIN", "RESOLV_*", "NIS_PATH", "NSS_*", "BASH_*", "BASHOPTS", "SHELLOPTS", "ENV",
    "IFS", "CDPATH", "GLOBIGNORE", "PS0", "PS1", "PS2", "PS4", "PROMPT_COMMAND",
    "POSIXLY_CORRECT", "ZDOTDIR", "FPATH", "KSH_ENV", "FISH_*", "fish_*", "INPUTRC", "HISTFILE",
    "MAILPATH", "FCEDIT", "PYTHON*", "PERL*", "RUBY*", "GEM_*", "BUNDLE_*", "NODE_*", "NPM_*",
    "npm_*", "DENO_*", "LUA_*", "PHPRC", "PHP_INI_SCAN_DIR", "TCLLIBPATH", "TCL_LIBRARY", "R_*",
    "JULIA_*", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS",
    "CLASSPATH", "MAVEN_OPTS", "GRADLE_OPTS", "SBT_OPTS", "DOTNET_*", "COR_*", "CORECLR_*",
    "COMPlus_*", "AWKPATH", "AWKLIBPATH", "ERL_*", "ELIXIR_*", "OCAML*", "CAML*", "GUILE_*",
    "EMACS*", "VIMINIT", "EXINIT", "VIM*", "MYVIMRC", "GOFLAGS", "GODEBUG", "RUSTC*",
    "RUSTFLAGS", "CARGO_*", "MAKEFLAGS", "MAKEFILES", "MFLAGS", "VIRTUAL_ENV_*", "GIT_*",
    "SSH_ASKPASS*", "SUDO_ASKPASS", "EDITOR", "VISUAL", "PAGER", "MANPAGER", "MANOPT",
    "MANPATH", "LESS*", "MORE", "BROWSER", "SYSTEMD_*", "AWS_PAGER", "DPKG_*", "APT_CONFIG",
    "DEBCONF_*", "TAR_OPTIONS", "TAPE", "RSYNC_*", "CVS_RSH", "SVN_*", "HG*", "GREP_OPTIONS",
    "GREP_COLOR*", "RIPGREP_CONFIG_PATH", "JQ_*", "CURL_HOME", "WGETRC", "OPENSSL_*",
    "SSLKEYLOGFILE", "KUBE_EDITOR", "KUBECTL_*", "HELM_PLUGINS", "HELM_*", "TF_CLI_*",
    "TF_PLUGIN_*", "TERRAFORM_CONFIG", "ANSIBLE_*", "DOCKER_CLI_*", "PSQLRC", "PSQL_*",
    "SQLITE_*", "MYSQL_HOME", "MYSQL_TEST_*", "PG_COLORS", "PGSYSCONFDIR", "PGSERVICEFILE",
    "GTK_*", "QT_*", "LIBGL_*", "VK_*", "XLOCALEDIR", "TERMINFO*", "TERMCAP", "TERMPATH",
    "MAGIC", "COLUMNS_*", "ASAN_*", "LSAN_*", "TSAN_*", "UBSAN_*", "MSAN_*", "SWIFT_*",
    "XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "GZIP", "BZIP", "BZIP2", "XZ_*", "ZSTD_*", "ZIPOPT",
    "UNZIP", "CCACHE_*", "DISTCC_*",
)

_PASSED = (
    "HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM",
    "TMPDIR", "NO_COLOR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME",
    "XDG_STATE_HOME", "PG*", "MYSQL_HOST", "MYSQL_PWD", "MYSQL_TCP_PORT", "DATABASE_URL",
    "REDIS_URL", "AWS_*", "GOOGLE_*", "CLOUDSDK_*", "GCLOUD_*", "AZURE_*", "ARM_*",
    "KUBECONFIG", "KUBE_CONTEXT", "VAULT_*", "BAO_*", "CONSUL_*", "NOMAD_*", "DOCKER_HOST",
    "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "TF_VAR_*",
    "TF_WORKSPACE", "TF_DATA_DIR", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "http_proxy",
    "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "ETCDCTL_*",
)

# Without these no program starts there.
_PASSED_WINDOWS = (
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE",
    "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES",
)

_SECRET_NAMES = (
    "*PASSWORD*", "*PASSWD*", "*PASSPHRASE*", "*_PWD", "*SECRET*", "*TOKEN*", "*APIKEY*",
    "*API_KEY*", "*ACCESS_KEY", "*PRIVATE_KEY*", "*SIGNING_KEY*", "*ENCRYPTION_KEY*", "*_KEY",
    "*CREDENTIAL*", "*_DSN", "*DATABASE_URL*", "*CONNECTION_STRING*", "*REDIS_URL*", "*AUTH*",
    "*COOKIE*", "*SESSION*", "*_SAS", "*WEBHOOK*",
)

_SECRET_VALUES = (
    "ghp_*", "gho_*", "ghs_*", "github_pat_*", "glpat-*", "AKIA*", "ASIA*", "sk-*", "xox*-*",
    "eyJ*.*.*", "*-----BEGIN *", "hvs.*", "npm_*", "pypi-*", "SG.*", "AIza*", "ya29.*",
    "dop_v1_*", "shpat_*", "rk_live_*", "sk_live_*",
)

# Set for every command. A pager reads the terminal and runs what is typed there, past any review.
_FIXED = {
    "AWS_PAGER": "cat", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat", "MANPAGER": "cat",
    "PAGER": "cat", "SYSTEMD_PAGER": "cat",
}
_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MAX_BYTES = 131_072
_NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_NAME_WINDOWS = re.compile(r"[A-Za-z0-9_()]+", re.ASCII)


def _globs(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern) for pattern in patterns), re.ASCII)


_IS_DANGEROUS = _globs(_DANGEROUS)
_IS_PASSED = _globs(_PASSED + (_PASSED_WINDOWS if sys.platform == "win32" else ()))
_IS_SECRET_NAME = _globs(_SECRET_NAMES)
_IS_SECRET_VALUE = _globs((*_SECRET_VALUES, "*://*:*@*"))


def _upper(name: str) -> str:
    return "".join(c.upper() if "a" <= c <= "z" else c for c in name)


@dataclass(frozen=True)
class CommandEnvironment:
    """The variables that a command gets."""

    #: Names and real values for the child.
    variables: dict[str, str]
    #: The frozen form: values in the open, or ``{"keyedDigest": "hmac-sha256:…"}``.
    shown: dict[str, str | dict[str, str]]
    #: Names of dangerous variables that were there and are not passed on.
    dropped: list[str]
    #: ``PATH`` as the child gets it: absolute directories only.
    path: str

    @staticmethod
    def make(
        environment: Mapping[str, str], asked: Sequence[str], directory: str, key: bytes
    ) -> CommandEnvironment:
        """Sorts the variables of a process; raises :class:`CommandError` if there are too many."""
        variables: dict[str, str] = {}
        shown: dict[str, str | dict[str, str]] = {}
        dropped: list[str] = []
        path = os.pathsep.join(
            entry
            for entry in environment.get("PATH", _USUAL_PATH).split(os.pathsep)
            if os.path.isabs(entry)
        )
        form = _NAME_WINDOWS if sys.platform == "win32" else _NAME
        for name, value in environment.items():
            # A token in a variable of another name is still a token.
            if name in ("PATH", "PWD") or name in _FIXED or contains_token(value):
                continue
            if not _is_text(name) or not _is_text(value):
                continue  # It could not be shown.
            is_function = value.startswith("() {")
            if not form.fullmatch(name) or _IS_DANGEROUS.fullmatch(name) or is_function:
                dropped.append(name)
            elif name.startswith("EXEQUATUR_"):
                continue
            elif name in asked or _IS_PASSED.fullmatch(name):
                variables[name] = value
                is_secret = _is_secret(name, value)
                shown[name] = {"keyedDigest": _digest(name, value, key)} if is_secret else value
        for name, value in (*_FIXED.items(), ("PATH", path), ("PWD", directory)):
            variables[name] = shown[name] = value
        size = sum(len(n.encode()) + len(v.encode()) + 2 for n, v in variables.items())
        if size > _MAX_BYTES:
            raise CommandError(f"the environment exceeds {_MAX_BYTES} bytes: make it smaller")
        return CommandEnvironment(variables, shown, sorted(dropped), path)


def _is_secret(name: str, value: str) -> bool:
    return bool(_IS_SECRET_NAME.fullmatch(_upper(name)) or _IS_SECRET_VALUE.fullmatch(value))


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _digest(name: str, value: str, key: bytes) -> str:
    message = name.encode("utf-8") + b"\0" + value.encode("utf-8")
    return "hmac-sha256:" + hmac.new(key, message, hashlib.sha256).hexdigest()
