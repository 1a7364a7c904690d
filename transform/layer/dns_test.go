package layer

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
)

// inUDP puts a message into a packet to a port.
func inUDP(t testing.TB, message []byte, port layers.UDPPort) []byte {
	return build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP),
		&layers.UDP{SrcPort: 5555, DstPort: port}, gopacket.Payload(message))
}

func inTCP(t testing.TB, message []byte) []byte {
	return build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP),
		&layers.TCP{SrcPort: 5555, DstPort: 53, ACK: true}, gopacket.Payload(message))
}

const (
	queryHeader = "1234 0120 0001 0000 0000 0000 " // RD, AD
	question    = "03777777 076578616d706c65 03636f6d 00 0001 0001 "
	response    = "1234 8583 0001 0002 0001 0001 " + question + // AA, RD, RA, NXDOMAIN
		"c00c 0005 0001 0000003c 0002 c010 " + // CNAME
		"c010 001c 0001 00000e10 0010 20010db8000000000000000000000001 " + // AAAA
		"c010 0002 0001 00000e10 0002 c010 " + // NS
		"00 0029 04d0 00008000 0000" // OPT
)

func TestDNS(t *testing.T) {
	length := func(hex string) []byte {
		m := unhex(hex)
		return append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)
	}
	for _, c := range []struct {
		name string
		data []byte
		want row
	}{
		{"query", inUDP(t, unhex(queryHeader+question), 53), row{
			"frame_protocols": "eth:ip:udp:dns", "dns_id": "4660", "dns_qr": "false", "dns_opcode": "0", "dns_rd": "true", "dns_ad": "true",
			"dns_cd": "false", "dns_tc": "false", "dns_z": "false", "dns_aa": "", "dns_ra": "", "dns_rcode": "",
			"dns_qdcount": "1", "dns_ancount": "0", "dns_qname": "www.example.com", "dns_qtype": "1", "dns_qclass": "1",
			"dns_qname_len": "15", "dns_qname_labels": "3", "dns_answer_types": "", "dns_answer_ips": "", "dns_edns_size": "",
			"payload_len": "33", "decode_error": "",
		}},
		{"response", inUDP(t, unhex(response), 53), row{
			"dns_qr": "true", "dns_aa": "true", "dns_ra": "true", "dns_rcode": "3", "dns_ancount": "2", "dns_nscount": "1", "dns_arcount": "1",
			"dns_answer_types": "5;28", "dns_answer_ips": "2001:db8::1", "dns_answer_ttls": "60;3600", "dns_edns_size": "1232", "decode_error": "",
		}},
		{"answers", inUDP(t, unhex("1234 8180 0001 0003 0000 0000"+question+
			"c00c 0005 0001 00000009 0006 03632d3b c010"+ // c-;.example.com
			"c02d 0001 0001 00000008 0004 0a000009 c02d 0001 0001 00000007 0003 0a0000"), 53), row{
			"dns_answer_names": `www.example.com;c-\059.example.com;c-\059.example.com`, "dns_answer_cnames": `c-\059.example.com`,
			"dns_answer_types": "5;1;1", "dns_answer_ttls": "9;8;7", "dns_answer_ips": "10.0.0.9", "decode_error": "",
		}},
		{"alias that points forward", inUDP(t, unhex("1234 8180 0001 0001 0000 0000"+question+"c00c 0005 0001 00000009 0002 c0ff"), 53), row{
			"dns_answer_types": "5", "dns_answer_cnames": emptyText, "decode_error": "dns: too short",
		}},
		{"many answers", inUDP(t, unhex("1234 8180 0001 0050 0000 0000"+question+strings.Repeat("c00c 0001 0001 00000009 0004 0a000009", 80)), 53), row{
			"dns_ancount": "80", "dns_answer_types": strings.Repeat("1;", 63) + "1", "decode_error": "",
		}},
		{"over TCP", inTCP(t, length(queryHeader+question)), row{
			"frame_protocols": "eth:ip:tcp:dns", "dns_qname": "www.example.com", "payload_len": "35", "decode_error": "",
		}},
		{"over TCP, to be continued", inTCP(t, length(response)[:40]), row{"dns_qname": "www.example.com", "decode_error": ""}},
		{"over TCP, the middle of a stream", inTCP(t, []byte{0, 1, 2, 3}), row{"dns_id": "", "decode_error": ""}},
		{"multicast DNS", inUDP(t, unhex("0000 0000 0001 0000 0000 0000 055f68747470 045f746370 056c6f63616c 00 000c 8001"), 5353), row{
			"dns_qname": "_http._tcp.local", "dns_qtype": "12", "dns_qclass": "1",
		}},
		{"LLMNR", inUDP(t, unhex(queryHeader+question), 5355), row{"dns_qname": "www.example.com"}},
		{"root", inUDP(t, unhex(queryHeader+"00 0002 0001"), 53), row{"dns_qname": ".", "dns_qname_len": "0", "dns_qname_labels": "0", "dns_qtype": "2"}},
		{"bytes that do not print", inUDP(t, unhex(queryHeader+"05 612e5c20ff 00 0001 0001"), 53), row{
			"dns_qname": `a\046\092\032\255`, "dns_qname_len": "5", "dns_qname_labels": "1",
		}},
		{"pointer to itself", inUDP(t, unhex(queryHeader+"c00c 0001 0001"), 53), row{"dns_qname": "", "dns_id": "4660", "decode_error": "dns: too short"}},
		{"pointer loop through a label", inUDP(t, unhex(queryHeader+"0161 c00c 0001 0001"), 53), row{"dns_qname": "", "decode_error": "dns: too short"}},
		{"name too long", inUDP(t, unhex(queryHeader+strings.Repeat("3f"+strings.Repeat("61", 63), 4)+"00 0001 0001"), 53), row{"dns_qname": ""}},
		{"no header", inUDP(t, []byte("short"), 53), row{"dns_id": "", "decode_error": "dns: too short", "payload": "73686f7274"}},
		{"no records where some are due", inUDP(t, unhex("1234 8180 0001 0002 0000 0000 "+question), 53), row{
			"dns_qname": "www.example.com", "dns_answer_types": emptyText, "decode_error": "dns: too short",
		}},
		{"no payload", inUDP(t, nil, 53), row{"dns_id": "", "decode_error": "", "payload_len": "0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := decodeOne(t, pcapio.LinkEthernet, c.data, 0)
			check(t, got, c.want)
		})
	}
}

func TestDNSDigest(t *testing.T) {
	_, d := decodeOne(t, pcapio.LinkEthernet, inUDP(t, unhex(response), 53), 0)
	if d.DNSRcode != 3 || d.DNSNameLen != 15 || d.DNSLabels != 3 || d.DNSQType != 1 {
		t.Errorf("response: %+v", d)
	}
	_, d = decodeOne(t, pcapio.LinkEthernet, inUDP(t, unhex(queryHeader+question), 53), 0)
	if d.DNSRcode != -1 || d.DNSQType != 1 || d.App == nil || d.App.Name != "dns" || d.App.DNSName != "www.example.com" {
		t.Errorf("query: %+v, %+v", d, d.App)
	}
}
