package audit

import "testing"

// TestNames are of AntiNex, CICFlowMeter, UNSW-NB15, TON_IoT and our own tables.
func TestNames(t *testing.T) {
	for name, want := range map[string]struct {
		names string
		soft  bool
	}{
		"idx": {"the row's number", false}, "ip_len": {"IPv4's checksum", false}, "tcp_seq": {"TCP's checksum", false},
		"Flow ID": {"an identifier", false}, "Src IP": {"an address", false}, " Source IP": {"an address", false},
		"Dst Port": {"a port", true}, "Timestamp": {"a clock", false}, "srcip": {"an address", false}, "dsport": {"a port", true},
		"sttl": {"a TTL", true}, "stcpb": {"a sequence number", false}, "Stime": {"a clock", false}, "ts": {"a clock", false},
		"src_mac": {"a link address", false}, "community_id": {"an identifier", false}, "Unnamed: 0": {"the row's number", false},
		"tcp_ack": {"a sequence number", false}, "eth_fcs": {"a checksum", false}, "arp_hwsrc": {"a link address", false},

		"ACK Flag Cnt": {}, "ct_src_dport_ltm": {}, "Flow Duration": {}, "Fwd Pkt Len Mean": {}, "ip_tos": {}, "proto": {}, "sbytes": {},
		"Init Fwd Win Byts": {}, "Flow IAT Mean": {}, "Active Std": {}, "dns_qry_type": {}, "swin": {}, "src_10s_flows": {}, "ip_hdr_len": {},
	} {
		if names, soft := namedBy(name); names != want.names || soft != want.soft {
			t.Errorf("%s names %q, %t; want %q, %t", name, names, soft, want.names, want.soft)
		}
	}
}
