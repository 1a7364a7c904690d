"""Flattens an archive of AntiNex messages as its processor does, with the pandas at
hand: a table of one row for each layer's fields, turned to JSON and back, then one
table of all rows.

    python flatten.py ARCHIVE.json TABLE.csv
"""

import json
import sys

import pandas as pd

PREFIXES = {
    "arp": "arp_", "dns": "dns_", "ether": "eth_", "icmp": "icmp_", "ip": "ip_", "ipv6": "ipv6_",
    "padding": "pad_", "raw": "raw_", "tcp": "tcp_", "udp": "udp_",
}  # fmt: skip
PLACEHOLDERS = "arp_id dns_id eth_id icmp_id ip_id ipvsix_id pad_id raw_id tcp_id udp_id".split()

rows = []
for packet in json.load(open(sys.argv[1]))["packets"]:
    row = {}
    for layer, fields in packet["data"].items():
        if layer in PREFIXES:
            table = json.loads(pd.json_normalize(fields).to_json())
            row.update({PREFIXES[layer] + name: cells["0"] for name, cells in table.items()})
    rows.append(row)
columns = sorted(set(PLACEHOLDERS).union(*rows))
table = pd.DataFrame([{c: row.get(c) for c in columns} for row in rows], columns=columns)
table.index.name = "idx"
table.to_csv(sys.argv[2], encoding="utf-8")
