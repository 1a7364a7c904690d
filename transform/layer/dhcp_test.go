package layer

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
)

// dhcp makes a client's message with options, and others in the fields for
// the server's name and the boot file.
func dhcp(options, name, file string) []byte {
	b := make([]byte, dhcpFixed)
	copy(b, unhex("01 01 06 02 12345678 0009 8000 0a000001 0a000002 0a000003 0a000004 02000000000a"))
	copy(b[dhcpSName:], unhex(name))
	copy(b[dhcpFile:], unhex(file))
	return append(append(b, unhex("63825363")...), unhex(options)...)
}

func TestDHCP(t *testing.T) {
	hostname := "0c03 612d62"
	for _, c := range []struct {
		name string
		data []byte
		want row
	}{
		{"request", dhcp("350103 00 "+hostname+" 32040a000009 36040a000008 3304 00000e10 3703 01030f 3c02 4d53 3d07 0102000000000a ff 00", "", ""), row{
			"frame_protocols": "eth:ip:udp:dhcp", "dhcp_op": "1", "dhcp_hops": "2", "dhcp_xid": "305419896", "dhcp_secs": "9", "dhcp_broadcast": "true",
			"dhcp_ciaddr": "10.0.0.1", "dhcp_yiaddr": "10.0.0.2", "dhcp_siaddr": "10.0.0.3", "dhcp_giaddr": "10.0.0.4", "dhcp_chaddr": "02:00:00:00:00:0a",
			"dhcp_message_type": "3", "dhcp_hostname": "a-b", "dhcp_requested_ip": "10.0.0.9", "dhcp_server_id": "10.0.0.8", "dhcp_lease_time": "3600",
			"dhcp_parameter_list": "1;3;15", "dhcp_vendor_class": "MS", "dhcp_client_id": "0102000000000a", "dhcp_options": "53;12;50;54;51;55;60;61", "decode_error": "",
		}},
		{"options in other fields", dhcp("340103 350102 ff", "36040a000008 ff", hostname+"ff"), row{
			"dhcp_message_type": "2", "dhcp_server_id": "10.0.0.8", "dhcp_hostname": "a-b", "dhcp_options": "52;53;12;54",
		}},
		{"option cut", dhcp("350103 0c09 6162", "", ""), row{"dhcp_message_type": "3", "dhcp_hostname": "", "dhcp_options": "53", "decode_error": "dhcp: too short"}},
		{"wrong length", dhcp("3503010203 ff", "", ""), row{"dhcp_message_type": "", "dhcp_options": "53", "decode_error": ""}},
		{"BOOTP", dhcp("", "", "")[:dhcpFixed], row{"dhcp_op": "1", "dhcp_options": "", "decode_error": ""}},
		{"no header", []byte{1, 1, 6}, row{"dhcp_op": "", "decode_error": "dhcp: too short"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := decodeOne(t, pcapio.LinkEthernet, inUDP(t, c.data, 67), 0)
			check(t, got, c.want)
		})
	}
	_, d := decodeOne(t, pcapio.LinkEthernet, inUDP(t, dhcp("ff", "", ""), 67), 0)
	if d.App != appDHCP {
		t.Errorf("%+v", d.App)
	}
}

func TestDHCPv6(t *testing.T) {
	message := func(b string) []byte {
		return build(t, eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolUDP), &layers.UDP{SrcPort: 546, DstPort: 547}, gopacket.Payload(unhex(b)))
	}
	for b, want := range map[string]row{
		"01 123456 0001 0000":                        {"frame_protocols": "eth:ipv6:udp:dhcpv6", "dhcpv6_message_type": "1", "dhcpv6_xid": "1193046"},
		"0c 00" + "20010db8000000000000000000000001": {"dhcpv6_message_type": "12", "dhcpv6_xid": ""},
		"01 12": {"dhcpv6_message_type": "", "decode_error": "dhcpv6: too short"},
	} {
		got, _ := decodeOne(t, pcapio.LinkEthernet, message(b), 0)
		check(t, got, want)
	}
}
