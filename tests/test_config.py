"""Settings: what each accepts, what it becomes, and what is said of one that is not accepted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.config import Config, ConfigError, default_text
from jsongle_server.config_rules import clashes
from jsongle_server.config_table import SETTINGS

NAMES = [name for setting in SETTINGS for name in setting.names]
# Lone surrogates included: that is how the environment gives bytes that are not UTF-8.
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["0", "1", "8080", "65536", "-1", "1e3", "nan", "inf", "1d", "0m", "info", "*", "https://a.example", "x" * 20, "/"]
)


class SettingCase(SynchronousTestCase):
    """Helpers for one setting's texts."""

    def read(self, name: str, text: str) -> Any:
        """Give the value that a setting's text becomes."""
        attribute = next(setting.attribute for setting in SETTINGS if name in setting.names)
        return getattr(Config.from_mapping({name: text}), attribute)

    def problems(self, **values: str) -> tuple[str, ...]:
        """Give the problems of a mapping that is not accepted."""
        error: ConfigError = self.assertRaises(ConfigError, Config.from_mapping, values)
        return error.problems

    def assertAccepts(self, name: str, values: dict[str, Any]) -> None:
        """Each text becomes its value."""
        self.assertEqual({text: self.read(name, text) for text in values}, values)

    def assertRefuses(self, name: str, texts: Sequence[str]) -> None:
        """Each text is one problem that begins with the setting's name."""
        for text in texts:
            (problem,) = self.problems(**{name: text})
            self.assertTrue(problem.startswith(f"{name}: "), problem)


class TableTests(SynchronousTestCase):
    """The table of settings and the fields of the configuration are the same thing."""

    def test_rows_are_fields(self) -> None:
        """Every setting has its field and every field its setting, in the same order."""
        fields = [field.name for field in dataclasses.fields(Config)]
        self.assertEqual([setting.attribute for setting in SETTINGS], fields)

    def test_names_are_unique(self) -> None:
        """No name or alias means two settings."""
        self.assertEqual(len(NAMES), len(set(NAMES)))

    def test_documented_defaults(self) -> None:
        """The defaults are the documented ones, as users write them."""
        self.assertEqual(
            {setting.name: default_text(setting) for setting in SETTINGS},
            {
                "wsPort": "8080",
                "restPort": "8081",
                "wsHost": "",
                "restHost": "",
                "corsPolicyOrigin": "",
                "maxConcurrentUsers": "50",
                "logLevel": "info",
                "id": "jsongle-server",
                "logPath": "",
                "logFilesNumber": "7",
                "logFilePeriod": "1d",
                "logFormat": "text",
                "maxMessageSize": "65536",
                "helloTimeout": "10",
                "pingInterval": "25",
                "pingTimeout": "20",
                "maxMembersPerRoom": "0",
                "maxMembersPerMultiRoom": "0",
                "maxRoomsPerUser": "50",
                "rateLimit": "50",
                "rateBurst": "200",
                "candidateRate": "50",
                "candidateBurst": "200",
                "maxConnectionsPerAddress": "0",
                "handshakeRate": "0",
                "handshakeBurst": "20",
                "drainTimeout": "10",
                "ringTimeout": "60",
                "resumeWindow": "30",
                "resumeBufferMessages": "1024",
                "resumeBufferBytes": "1048576",
                "maxDetachedBytes": "67108864",
                "maxSendQueue": "524288",
                "perMessageDeflate": "off",
                "fastFrames": "on",
                "adminToken": "",
                "appToken": "",
                "jwtKey": "",
                "jwksUrl": "",
                "jwksPath": "",
                "jwtAlgorithms": "",
                "jwtIssuer": "",
                "jwtAudience": "",
                "useHTTPS": "off",
                "key": "",
                "cert": "",
                "wsEndpoint": "",
                "restEndpoint": "",
                "trustedProxies": "",
                "stunUrls": "",
                "turnUrls": "",
                "turnSecret": "",
                "turnTtl": "86400",
                "webhookUrl": "",
                "webhookSecret": "",
                "demo": "off",
            },
        )

    def test_defaults_are_accepted(self) -> None:
        """Writing out every default gives the default configuration."""
        self.assertEqual(Config.from_mapping({setting.name: default_text(setting) for setting in SETTINGS}), Config())

    def test_nothing_set(self) -> None:
        """An empty mapping gives the default configuration."""
        self.assertEqual(Config.from_mapping({}), Config())

    def test_secrets_stay_out_of_repr(self) -> None:
        """A configuration that ends up in a log shows no secret, and the table knows each."""
        hidden = [field.name for field in dataclasses.fields(Config) if not field.repr]
        self.assertEqual(hidden, [setting.attribute for setting in SETTINGS if setting.secret])
        self.assertNotIn("s3cret", repr(Config(admin_token="s3cret-s3cret-s3cret")))

    def test_help_and_accepts(self) -> None:
        """Every setting says in one sentence what it is for, and what it accepts."""
        for setting in SETTINGS:
            self.assertTrue(setting.help.endswith("."), setting.name)
            self.assertTrue(setting.accepts, setting.name)


class MappingTests(SettingCase):
    """``Config.from_mapping`` as a whole."""

    def test_every_problem_at_once(self) -> None:
        """All bad settings are listed, in table order, each with its value and what is accepted."""
        self.assertEqual(
            self.problems(maxConcurrentUsers="0", wsPort="abc", logLevel="loud"),
            (
                "wsPort: 'abc' is not accepted; an integer from 0 to 65535 is",
                "maxConcurrentUsers: '0' is not accepted; an integer of at least 1 is",
                "logLevel: 'loud' is not accepted; one of trace, debug, info, warn, error, fatal is",
            ),
        )

    def test_error_text(self) -> None:
        """The error's own text is the problems, a line each."""
        error = self.assertRaises(ConfigError, Config.from_mapping, {"wsPort": "a", "restPort": "b"})
        self.assertEqual(str(error).splitlines(), list(error.problems))

    def test_bad_secret_is_not_shown(self) -> None:
        """A token that is not accepted is not repeated in the problem."""
        (problem,) = self.problems(adminToken="tooShort")
        self.assertNotIn("tooShort", problem)
        self.assertTrue(problem.startswith("adminToken: its value is not accepted; "))

    def test_long_value_is_shortened(self) -> None:
        """A huge bad value does not flood the terminal."""
        (problem,) = self.problems(wsPort="9" * 10_000)
        self.assertLess(len(problem), 300)

    def test_what_may_be_secret_is_not_shown(self) -> None:
        """Nor is a key or a key set that was pasted in the place of its path, or the password of an address."""
        for name, value in (
            ("key", "-----BEGIN PRIVATE KEY-----\nhunter2"),
            ("key", "-----BEGIN PRIVATE KEY-----hunter2"),
            ("cert", "hunter2\rhunter2"),
            ("jwksPath", '{"keys": [{"d": "hunter2"}]}'),
            ("jwksPath", ' [{"d": "hunter2"}]'),
            ("jwksUrl", "https://me:hunter2@a.example/x"),
            ("webhookUrl", "https://me:hunter2/@a.example/" + "x" * 200),
            ("corsPolicyOrigin", "https://me:hunter2@a.example"),
            ("turnUrls", "turn:me:hunter2@a.example"),
        ):
            problem = next(problem for problem in self.problems(**{name: value}) if problem.startswith(f"{name}: "))
            self.assertNotIn("hunter2", problem)
        (problem,) = self.problems(jwksUrl="https://me:hunter2@a.example/x")
        self.assertTrue(problem.startswith("jwksUrl: '…@a.example/x' is not accepted; "))

    def test_label_names_the_problem(self) -> None:
        """A caller's label stands in the place of the name."""
        error = self.assertRaises(
            ConfigError, Config.from_mapping, {"wsPort": "x"}, labels={"wsPort": "wsPort (there)"}
        )
        self.assertTrue(error.problems[0].startswith("wsPort (there): "))

    def test_unknown_names_are_ignored(self) -> None:
        """What is no setting does no harm."""
        self.assertEqual(Config.from_mapping({"PATH": "/bin", "ws_port": "1"}), Config())

    def test_alias(self) -> None:
        """An alias sets its setting, and its problem has the name that the user wrote."""
        self.assertEqual(Config.from_mapping({"logDefaultLevel": "warn"}).log_level, "warn")
        self.assertTrue(self.problems(logDefaultLevel="x")[0].startswith("logDefaultLevel: "))

    def test_name_wins_over_alias(self) -> None:
        """With both given, the name counts and the alias is not even checked."""
        config = Config.from_mapping({"logDefaultLevel": "nonsense", "logLevel": "error"})
        self.assertEqual(config.log_level, "error")

    @settings(deadline=None)
    @given(st.dictionaries(st.sampled_from(NAMES) | st.text(), TEXTS))
    def test_any_mapping(self, values: dict[str, str]) -> None:
        """Any texts give a configuration or a ConfigError that names all that are bad by themselves, and together."""
        bad, good = {}, {}
        for setting in SETTINGS:
            name = next((name for name in setting.names if name in values), None)
            if name is not None:
                try:
                    good[setting.attribute] = setting.parse(values[name])
                except ValueError:
                    bad[setting.attribute] = name
        between = clashes(Config(**good), bad.keys(), str)
        try:
            Config.from_mapping(values)
        except ConfigError as error:
            alone = [problem for problem in error.problems if problem not in between]
            self.assertEqual([problem.split(":")[0] for problem in alone], list(bad.values()))
            self.assertEqual(len(error.problems), len(alone) + len(between))
            str(error).encode("utf-8")
        else:
            self.assertEqual((bad, between), ({}, []))

    @settings(deadline=None)
    @given(st.sampled_from(SETTINGS), TEXTS)
    def test_written_values_are_read_back(self, setting: Any, text: str) -> None:
        """Whatever a setting accepts can be written so that it is read as the same value."""
        try:
            value = setting.parse(text)
        except ValueError:
            return
        self.assertEqual(setting.parse(setting.kind.write(value)), value)


class PortTests(SettingCase):
    """Ports, and with them integers in general."""

    def test_bounds(self) -> None:
        """From 0 to 65535, surrounding blanks and leading zeros aside."""
        self.assertAccepts("wsPort", {"0": 0, "65535": 65_535, " 80\t": 80, "0080": 80})
        self.assertRefuses("wsPort", ["-1", "65536"])

    def test_plain_digits_only(self) -> None:
        """What int() would take besides is refused, and so is nothing at all."""
        self.assertRefuses("restPort", ["", "1_000", "+80", "٨٠", "8 0", "80.0", "0x50", "9" * 5_000])

    def test_same_port(self) -> None:
        """Both servers on one port and all interfaces is a problem that names both settings."""
        self.assertEqual(
            self.problems(wsPort="8081"),
            ("wsPort and restPort: both being 8081 is not accepted; two ports, or hosts that do not overlap, are",),
        )

    def test_same_port_is_reported_with_the_others(self) -> None:
        """The clash is listed beside other problems."""
        self.assertEqual(len(self.problems(wsPort="9000", restPort="9000", logLevel="x")), 2)

    def test_any_free_port_twice(self) -> None:
        """Two times any free port is no clash."""
        self.assertEqual(Config.from_mapping({"wsPort": "0", "restPort": "0"}).rest_port, 0)

    def test_overlapping_hosts(self) -> None:
        """All interfaces overlap with each, of the same family at least, and equal ones overlap however written."""
        for ws, rest in [
            ("", "10.0.0.1"),
            ("0.0.0.0", "10.0.0.1"),
            ("a.example", "A.example"),
            ("::", "1.2.3.4"),
            ("::1", "0::1"),
        ]:
            self.assertEqual(len(self.problems(wsPort="81", restPort="81", wsHost=ws, restHost=rest)), 1, (ws, rest))

    def test_separate_hosts(self) -> None:
        """One port on two interfaces is fine."""
        for ws, rest in [("10.0.0.1", "127.0.0.1"), ("0.0.0.0", "::1"), ("::1", "127.0.0.1")]:
            Config.from_mapping({"wsPort": "81", "restPort": "81", "wsHost": ws, "restHost": rest})

    def test_bad_host_clashes_with_nothing(self) -> None:
        """A host that is a problem itself is not reported a second time as a clash."""
        self.assertEqual(len(self.problems(wsPort="81", restPort="81", wsHost="http://x")), 1)


class HostTests(SettingCase):
    """Interfaces."""

    def test_addresses_and_names(self) -> None:
        """An IP address in any notation, a name in any case, or nothing."""
        self.assertAccepts(
            "wsHost",
            {
                "": "",
                "127.0.0.1": "127.0.0.1",
                "0:0::1": "::1",
                "Localhost": "localhost",
                "my_net-1.lan": "my_net-1.lan",
            },
        )

    def test_what_is_no_host(self) -> None:
        """Schemes, ports, brackets, broken addresses and names are refused."""
        self.assertRefuses(
            "restHost",
            [
                "http://a",
                "a:80",
                "127.0.0.1:80",
                "[::1]",
                "256.1.1.1",
                "8080",
                "-a",
                "a..b",
                "a b",
                "é.example",
                "*",
                "a." * 130 + "b",
            ],
        )


class OriginTests(SettingCase):
    """The list of origins."""

    def test_separators(self) -> None:
        """Commas, spaces and both part origins; repeated ones count once; nothing is an empty list."""
        a, b = "https://a.example", "https://b.example"
        self.assertAccepts(
            "corsPolicyOrigin", {"": (), " ": (), f"{a},{b}": (a, b), f" {a} ,  {b},": (a, b), f"{a} {b} {a}": (a, b)}
        )

    def test_as_browsers_send_them(self) -> None:
        """Lower case, without the scheme's own port and without a slash at the end."""
        self.assertAccepts(
            "corsPolicyOrigin",
            {
                "HTTPS://Example.COM:443/": ("https://example.com",),
                "http://example.com:80": ("http://example.com",),
                "http://example.com:0443": ("http://example.com:443",),
                "http://[0::1]:8000": ("http://[::1]:8000",),
                "http://127.0.0.1:3000": ("http://127.0.0.1:3000",),
                "capacitor://localhost": ("capacitor://localhost",),
            },
        )

    def test_wildcard(self) -> None:
        """A star is refused with the way to allow any origin."""
        for text in ("*", "https://a.example, *"):
            (problem,) = self.problems(corsPolicyOrigin=text)
            self.assertIn("to allow any WebSocket origin, leave the setting empty", problem)

    def test_websocket_addresses(self) -> None:
        """The address of the WebSocket server is no origin, and the problem says what is."""
        (problem,) = self.problems(corsPolicyOrigin="wss://example.com")
        self.assertIn("starts with http or https", problem)

    def test_what_is_no_origin(self) -> None:
        """Paths, missing schemes, users, wildcards in names, bad ports and lone commas are refused."""
        self.assertRefuses(
            "corsPolicyOrigin",
            [
                "example.com", "https://", "https://a/b", "https://a?b", "https://u@a", "https://*.a", "null", ",",
                "https://a:0", "https://a:65536", "https://a:", "https://[1.2.3.4]", "https://[zz]", "https://1.2.3.999",
            ],
        )  # fmt: skip

    def test_culprit_is_named(self) -> None:
        """In a list, the problem says which origin it is about."""
        (problem,) = self.problems(corsPolicyOrigin="https://a.example,b.example")
        self.assertIn("(not 'b.example')", problem)


class TimeTests(SettingCase):
    """Seconds and periods."""

    def test_seconds(self) -> None:
        """Above 0 and up to a day, decimals allowed."""
        self.assertAccepts("helloTimeout", {"10": 10.0, "0.5": 0.5, "86400": 86_400.0, "0.00001": 0.00001})
        self.assertRefuses("helloTimeout", ["", "0", "0.0", "-1", "86400.1", "nan", "inf", "1e3", "1,5", "10s", "1."])
        self.assertRefuses("pingTimeout", ["0", "x"])

    def test_zero_turns_pings_off(self) -> None:
        """The ping interval alone may be 0."""
        self.assertAccepts("pingInterval", {"0": 0.0, "25": 25.0})
        self.assertRefuses("pingInterval", ["-1", "86401", ""])

    def test_periods(self) -> None:
        """Minutes, hours, days and weeks become seconds."""
        self.assertAccepts(
            "logFilePeriod", {"1m": 60, "30m": 1_800, "12h": 43_200, "1d": 86_400, "2w": 1_209_600, "365d": 31_536_000}
        )
        self.assertRefuses("logFilePeriod", ["", "0m", "1", "1s", "1M", "1.5h", "d", "366d", "-1d", "1 d"])


class WordTests(SettingCase):
    """Levels, formats, the server's name and the token."""

    def test_level(self) -> None:
        """The six levels, in any case."""
        self.assertAccepts("logLevel", {level: level for level in ("trace", "debug", "info", "warn", "error", "fatal")})
        self.assertAccepts("logLevel", {" DEBUG ": "debug"})
        self.assertRefuses("logLevel", ["", "verbose", "warning", "10"])

    def test_format(self) -> None:
        """Text or JSON."""
        self.assertAccepts("logFormat", {"text": "text", "JSON": "json"})
        self.assertRefuses("logFormat", ["", "xml"])

    def test_id(self) -> None:
        """1 to 256 characters, any script, blanks around it aside."""
        self.assertAccepts("id", {" barracuda ": "barracuda", "サーバー 1": "サーバー 1", "x" * 256: "x" * 256})
        self.assertRefuses("id", ["", "  ", "x" * 257, "a/b", "a\nb", "a\x00", "a\u2028b", "\ud800"])

    def test_token(self) -> None:
        """16 printable ASCII characters and more, or none."""
        self.assertAccepts("adminToken", {"": None, "a" * 16: "a" * 16, "!~" * 8 + "\n": "!~" * 8})
        self.assertRefuses("adminToken", ["a" * 15, "a" * 16 + " b", "é" * 16, "a" * 16 + "\x7f"])


class SwitchTests(SettingCase):
    """Settings that are on or off."""

    def test_accepted(self) -> None:
        """On and off are accepted, in any case and with blanks around them."""
        for name in ("perMessageDeflate", "fastFrames"):
            self.assertAccepts(name, {"on": True, "off": False, "On": True, "OFF": False, " on ": True})

    def test_refused(self) -> None:
        """Nothing else is: no number, no word that might mean it, and not nothing."""
        for name in ("perMessageDeflate", "fastFrames"):
            self.assertRefuses(name, ("", "1", "0", "true", "false", "yes", "no", "onn", "on off"))

    def test_says_what_is_accepted(self) -> None:
        """Whoever got it wrong is told the two words."""
        self.assertEqual(self.problems(fastFrames="yes"), ("fastFrames: 'yes' is not accepted; on or off is",))

    def test_written_as_it_is_read(self) -> None:
        """Both values are shown in the words that users write."""
        setting = next(setting for setting in SETTINGS if setting.name == "fastFrames")
        texts = {value: setting.text_in(Config(fast_frames=value)) for value in (True, False)}
        self.assertEqual(texts, {True: "on", False: "off"})


class NumberTests(SettingCase):
    """Sizes and counts."""

    def test_bounds(self) -> None:
        """Each has its lowest and, where there is one, its highest value."""
        self.assertAccepts("maxMessageSize", {"1024": 1_024, "16777216": 16_777_216})
        self.assertRefuses("maxMessageSize", ["1023", "16777217"])
        self.assertAccepts("maxConcurrentUsers", {"1": 1, "1000000": 1_000_000})
        self.assertRefuses("maxConcurrentUsers", ["0"])
        for name in ("logFilesNumber", "maxMembersPerRoom", "maxMembersPerMultiRoom", "maxRoomsPerUser"):
            self.assertAccepts(name, {"0": 0, "12": 12})
            self.assertRefuses(name, ["-1", ""])

    def test_no_limit_is_explained(self) -> None:
        """Where 0 means no limit, the problem says so."""
        self.assertIn("(0 = no limit)", self.problems(maxRoomsPerUser="none")[0])
