"""What AntiNex's own converter, on kamene, makes of captures: one line a capture
with its name, the number of its packets and the SHA-256 of their messages.

    python oracle.py CHECKOUT CAPTURE... > kamene.txt

CHECKOUT is a clone of github.com/jay-johnson/network-pipeline; captures are
pcap or little-endian pcapng files. kamene 0.32 runs on Python 3.11 and, like
the converter, is imported, not copied. A message is the JSON of its layers that
have columns, with sorted keys and no blanks; a packet that is not forwarded, or
has none of them, is null.
"""

import hashlib
import json
import os
import struct
import sys
import types

COLUMNS = {"arp", "dns", "ether", "icmp", "ip", "ipv6", "padding", "raw", "tcp", "udp"}


def converter(checkout):
    """Imports the converter without the packages that it only logs with."""

    class Silent:
        def __getattr__(self, _):
            return lambda *args, **kwargs: None

    logging = types.ModuleType("spylunking.log.setup_logging")
    logging.console_logger = lambda name: Silent()
    for name in ("spylunking", "spylunking.log"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules[logging.__name__] = logging
    sys.path.insert(0, checkout)
    import network_pipeline.convert_pkt_to_json as module

    module.ppj = lambda message: ""
    return module.convert_pkt_to_json


def packets(path):
    data = open(path, "rb").read()
    if data[:4] == b"\xd4\xc3\xb2\xa1":
        at = 24
        while at < len(data):
            size = struct.unpack_from("<I", data, at + 8)[0]
            yield data[at + 16 : at + 16 + size]
            at += 16 + size
        return
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind == 6:
            captured = struct.unpack_from("<I", data, at + 20)[0]
            yield data[at + 28 : at + 28 + captured]
        at += size


def main(checkout, captures):
    convert = converter(checkout)
    import kamene.all as kamene

    for path in captures:
        digest, count = hashlib.sha256(), 0
        for data in packets(path):
            message = None
            try:
                packet = kamene.Ether(data)
                if type(packet) is kamene.Ether:
                    layers = convert(packet)
                    message = {k: v for k, v in layers.items() if k in COLUMNS} or None
            except Exception:  # the sniffer takes such a frame for raw bytes
                pass
            text = json.dumps(message, sort_keys=True, separators=(",", ":"))
            digest.update(text.encode() + b"\n")
            count += 1
        name = os.path.basename(path).removesuffix(".pcapng")
        print(name, count, digest.hexdigest(), file=results, flush=True)


if __name__ == "__main__":
    results, sys.stdout = sys.stdout, sys.stderr  # kamene prints
    main(sys.argv[1], sys.argv[2:])
