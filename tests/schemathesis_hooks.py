"""What schemathesis does not know of by itself: loaded by the process that ``test_openapi_schemathesis.py`` starts."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

import schemathesis
from hypothesis import strategies as st

_LENGTHS: Final = {4: 32, 6: 128}

schemathesis.openapi.format(
    "ip-network",
    st.ip_addresses().flatmap(
        lambda address: st.integers(0, _LENGTHS[address.version]).map(
            lambda length: str(ip_network(f"{address}/{length}", strict=False))
        )
    )
    | st.ip_addresses().map(str),
)
