"""Tests of :mod:`jsongle_server.forwarded`: whom a connection comes from, by the word of proxies."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jsongle_server.forwarded import Ambiguous, Proxies, client_address, normal, proxies_of

PROXY: Final = "10.0.0.1"
FAR_PROXY: Final = "2001:db8:1::1"
CLIENT: Final = "192.0.2.7"
CLIENT6: Final = "2001:db8:2::7"
TRUSTED: Final = Proxies(("10.0.0.0/8", "2001:db8:1::/48", "unix"))

HOSTS: Final = st.ip_addresses().map(str).map(normal)
TEXTS: Final = st.text(max_size=40) | st.sampled_from(
    ["for=", 'for="', "for=192.0.2.7", ",", ", ", "for=_hidden", "unknown", '"', "\\", "for=10.0.0.1;for=192.0.2.7"]
)


def listed(*hosts: str) -> dict[str, str]:
    """The header ``X-Forwarded-For`` with these entries."""
    return {"x-forwarded-for": ", ".join(hosts)}


def node(host: str) -> str:
    """An address as ``Forwarded`` has it (RFC 7239 section 6)."""
    return f'for="[{host}]"' if ":" in host else f"for={host}"


class TrustTests(SynchronousTestCase):
    """Who is believed."""

    def test_networks_addresses_and_unix_sockets(self) -> None:
        """A proxy is known by its network, or by having no address at all."""
        for host in (PROXY, "10.255.0.1", FAR_PROXY, "unix"):
            self.assertIn(host, TRUSTED)
        for host in (CLIENT, "11.0.0.1", "2001:db8:2::1", "", "localhost", "10.0.0.1, 10.0.0.2"):
            self.assertNotIn(host, TRUSTED)
        self.assertNotIn("unix", Proxies(("0.0.0.0/0", "::/0")))

    def test_nobody_is_trusted_by_default(self) -> None:
        """Without the setting there is nobody to ask."""
        self.assertIsNone(proxies_of(()))
        proxies = proxies_of((PROXY,))
        assert proxies is not None
        self.assertIn(PROXY, proxies)

    def test_mapped_addresses(self) -> None:
        """An IPv4 proxy is the same where its address shows as mapped into IPv6, and so is a client."""
        self.assertEqual(client_address(f"::ffff:{PROXY}", listed(f"::ffff:{CLIENT}"), TRUSTED), CLIENT)

    @given(host=HOSTS.filter(lambda host: host not in TRUSTED), texts=st.lists(TEXTS, max_size=4))
    def test_others_are_never_believed(self, host: str, texts: list[str]) -> None:
        """Whatever a client that is no trusted proxy sends, it comes from where it comes from."""
        headers = {"x-forwarded-for": ",".join(texts), "forwarded": ",".join(texts)}
        self.assertEqual(client_address(host, headers, TRUSTED), host)


class WalkTests(SynchronousTestCase):
    """Which of the addresses is the client's."""

    def test_nothing_said(self) -> None:
        """A proxy that says nothing is the client itself."""
        self.assertEqual(client_address(PROXY, {}, TRUSTED), PROXY)

    def test_one_proxy(self) -> None:
        """The address that a trusted proxy gives is the client's, in either header, and over a Unix socket."""
        for peer in (PROXY, FAR_PROXY, "unix"):
            for host in (CLIENT, CLIENT6):
                self.assertEqual(client_address(peer, listed(host), TRUSTED), host)
                self.assertEqual(client_address(peer, {"forwarded": node(host)}, TRUSTED), host)

    def test_what_the_client_claims(self) -> None:
        """What stands before the client's address is its own invention."""
        for claimed in (PROXY, "127.0.0.1", "198.51.100.1", "unknown", "", '"'):
            self.assertEqual(client_address(PROXY, listed(claimed, CLIENT), TRUSTED), CLIENT)
        self.assertEqual(client_address(PROXY, {"forwarded": f"for=127.0.0.1, {node(CLIENT)}"}, TRUSTED), CLIENT)

    def test_chain_of_proxies(self) -> None:
        """Trusted proxies behind each other are passed by."""
        self.assertEqual(client_address(PROXY, listed("203.0.113.1", CLIENT, FAR_PROXY, "10.1.1.1"), TRUSTED), CLIENT)

    def test_only_proxies(self) -> None:
        """Where everybody is trusted, the first one is the client."""
        self.assertEqual(client_address(PROXY, listed(FAR_PROXY, "10.1.1.1"), TRUSTED), FAR_PROXY)

    def test_what_is_no_address(self) -> None:
        """An entry that is none, or hides it, ends the search at the proxy that it came from."""
        for entry in ("", "unknown", "_hidden", "unix:", "192.0.2", "192.0.2.7.", "192.0.2.07", "[192.0.2.7]", "a:b"):
            self.assertEqual(client_address(PROXY, listed(CLIENT, entry), TRUSTED), PROXY, entry)
            self.assertEqual(client_address(PROXY, listed(CLIENT, entry, "10.1.1.1"), TRUSTED), "10.1.1.1", entry)

    def test_ports(self) -> None:
        """Ports do not count; they may be hidden, too."""
        for entry in (f"{CLIENT}:4711", f"{CLIENT}:_x"):
            self.assertEqual(client_address(PROXY, listed(entry), TRUSTED), CLIENT)
            self.assertEqual(client_address(PROXY, {"forwarded": f'for="{entry}"'}, TRUSTED), CLIENT)
        for entry in (f"[{CLIENT6}]:4711", f"[{CLIENT6}]"):
            self.assertEqual(client_address(PROXY, listed(entry), TRUSTED), CLIENT6)

    @given(
        hosts=st.lists(HOSTS, min_size=1, max_size=6),
        peer=st.sampled_from([PROXY, FAR_PROXY, "unix"]),
        as_list=st.booleans(),
    )
    def test_never_a_proxy_unless_all_are(self, hosts: list[str], peer: str, as_list: bool) -> None:
        """The client is the last one that is not trusted; with none of those, the first."""
        headers = listed(*hosts) if as_list else {"forwarded": ",".join(map(node, hosts))}
        strangers = [host for host in hosts if host not in TRUSTED]
        self.assertEqual(client_address(peer, headers, TRUSTED), strangers[-1] if strangers else hosts[0])

    @given(text=TEXTS, name=st.sampled_from(["x-forwarded-for", "forwarded"]))
    def test_any_text(self, text: str, name: str) -> None:
        """Whatever a proxy passes on, the answer is an address, and that of the proxy unless it says another."""
        try:
            found = client_address(PROXY, {name: text}, TRUSTED)
        except Ambiguous:
            self.assertEqual(name, "forwarded")
            return
        self.assertIsInstance(ip_address(found), IPv4Address | IPv6Address)


class ForwardedTests(SynchronousTestCase):
    """The grammar of ``Forwarded`` (RFC 7239 section 4)."""

    def client(self, header: str) -> str:
        """The client by a header."""
        return client_address(PROXY, {"forwarded": header}, TRUSTED)

    def test_parameters(self) -> None:
        """Other parameters do not matter, nor do capitals, blanks and quotes, nor what is in those."""
        for header in (
            f"for={CLIENT};proto=https;by=10.0.0.1",
            f"proto=https; For={CLIENT} ;host=a.example",
            f'by="a,b;for=127.0.0.1";for="{CLIENT}"',
            'for="192.0.2\\.7";x="\\""',
            f"for=127.0.0.1 ,\tFOR={CLIENT}",
        ):
            self.assertEqual(self.client(header), CLIENT, header)

    def test_elements_without_an_address(self) -> None:
        """An element that has none, several or a hidden one is not believed, and ends the search; blanks matter not."""
        for header in (
            "",
            " ",
            ",",
            f"for={CLIENT},",
            f"for={CLIENT};for=127.0.0.1",
            f"for={CLIENT};for={CLIENT}",
            f"for={CLIENT}, proto=https",
            f"for={CLIENT}, for=unknown",
            f"for={CLIENT}, for=_secret",
            f"for={CLIENT}, , ;",
            'for=""',
        ):
            self.assertEqual(self.client(header), PROXY, header)
        for header in (f"for={CLIENT};", f";for={CLIENT}; ", f", for={CLIENT}", f";;, for={CLIENT};;proto=http"):
            self.assertEqual(self.client(header), CLIENT, header)

    def test_what_cannot_be_read(self) -> None:
        """A header that is malformed in any place is refused: with it, a client would count as its proxy."""
        for header in (
            f'for="x, for={CLIENT}',
            f'for="x\\", for={CLIENT}',
            f"=, for={CLIENT}",
            f"x, for={CLIENT}",
            f"for=, for={CLIENT}",
            f"for={CLIENT} x",
            f"for = {CLIENT}",
            f'for="{CLIENT}',
            f'for="", for={CLIENT}"',
            f"for={CLIENT6}",
            CLIENT,
        ):
            with self.assertRaises(Ambiguous, msg=header) as raised:
                self.client(header)
            self.assertIn("Forwarded cannot be read", str(raised.exception))
        self.assertEqual(client_address(CLIENT, {"forwarded": "="}, TRUSTED), CLIENT)


class BothTests(SynchronousTestCase):
    """A proxy that sets one header, and passes on the other."""

    def test_contradiction(self) -> None:
        """It would let a client choose who it is, and so is not served; the text names both headers."""
        for forwarded in (node("127.0.0.1"), node(CLIENT6), "for=unknown", ""):
            with self.assertRaises(Ambiguous) as raised:
                client_address(PROXY, {**listed(CLIENT), "forwarded": forwarded}, TRUSTED)
            self.assertIn("X-Forwarded-For and Forwarded", str(raised.exception))

    def test_agreement(self) -> None:
        """Both may name the same client, in whatever form."""
        headers = {**listed("1.1.1.1", CLIENT), "forwarded": f'for="{CLIENT}:80"'}
        self.assertEqual(client_address(PROXY, headers, TRUSTED), CLIENT)

    def test_untrusted(self) -> None:
        """Nobody else can provoke it."""
        self.assertEqual(client_address(CLIENT, {**listed("1.1.1.1"), "forwarded": "for=2.2.2.2"}, TRUSTED), CLIENT)
