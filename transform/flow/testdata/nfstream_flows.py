"""Prints nfstream's flows of captures as CSV, for the test that compares them."""

import sys

from nfstream import NFStreamer

FIELDS = (
    "protocol src_ip src_port dst_ip dst_port"
    " src2dst_packets dst2src_packets src2dst_bytes dst2src_bytes"
).split()

if __name__ == "__main__":
    for capture in sys.argv[1:]:
        flows = NFStreamer(
            source=capture, idle_timeout=120, active_timeout=1800,
            accounting_mode=0,  # bytes of frames
            n_dissections=0, n_meters=1,
        )
        for flow in flows:
            print(capture, *(getattr(flow, name) for name in FIELDS), sep=",")
