package layer

import (
	"testing"

	"github.com/pcapline/pcapline/pcapio"
)

func TestNTP(t *testing.T) {
	const client = "e3 02 0a ec 00010000 ffffffff 4c4f434c 0000000000000000 e6d8a1c08000 0000 00000001ffffffff 7fffffff00000001"
	for _, c := range []struct {
		name, data string
		want       row
	}{
		{"client", client, row{
			"frame_protocols": "eth:ip:udp:ntp", "ntp_leap": "3", "ntp_version": "4", "ntp_mode": "3", "ntp_stratum": "2", "ntp_poll": "10", "ntp_precision": "-20",
			"ntp_root_delay": "1", "ntp_root_dispersion": "65535.99998474121", "ntp_ref_id": "4c4f434c",
			"ntp_ref_ns": "", "ntp_ref_raw": "0000000000000000", "ntp_org_ns": "1663968064500000000", "ntp_org_raw": "e6d8a1c080000000",
			"ntp_rec_ns": "2085978497999999999", "ntp_xmt_ns": "4233462143000000000", "ntp_xmt_raw": "7fffffff00000001", "decode_error": "",
		}},
		{"control", "16 02 0001 0000 0000 0000 0000", row{"ntp_version": "2", "ntp_mode": "6", "ntp_leap": "0", "ntp_stratum": "", "decode_error": ""}},
		{"private", "17 00 03 2a 00000000", row{"ntp_version": "2", "ntp_mode": "7", "ntp_leap": "", "decode_error": ""}},
		{"cut", "e3 02 0a ec 00010000", row{"ntp_mode": "3", "ntp_stratum": "", "decode_error": "ntp: too short"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := decodeOne(t, pcapio.LinkEthernet, inUDP(t, unhex(c.data), 123), 0)
			check(t, got, c.want)
		})
	}
}
