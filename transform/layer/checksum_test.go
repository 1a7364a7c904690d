package layer

import (
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
)

// checksumPackets show every verdict.
var checksumPackets = []packetCase{
	{
		name: "checksums are good", link: pcapio.LinkEthernet,
		ls:   ls{eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 1, DstPort: 2, SYN: true}, gopacket.Payload("odd")},
		want: row{"ip_checksum_status": "1", "tcp_checksum_status": "1"},
	},
	{
		name: "checksums are bad", link: pcapio.LinkIPv4,
		hex:  "4500002c 00070000 40060001 0a000001 0a000002 00010002 00000000 00000000 50022000 00010000 61626364",
		want: row{"ip_checksum_status": "0", "tcp_checksum_status": "0"},
	},
	{
		name: "checksums are absent", link: pcapio.LinkIPv4,
		hex:  "4500002c 00070000 40060000 0a000001 0a000002 00010002 00000000 00000000 50022000 00000000 61626364",
		want: row{"ip_checksum_status": "3", "tcp_checksum_status": "3"},
	},
	{
		// 0a00 + 0001 + 0a00 + 0002 + 0006 + 0018
		name: "partial as Linux leaves it", link: pcapio.LinkIPv4,
		hex:  "4500002c 00070000 40060000 0a000001 0a000002 00010002 00000000 00000000 50022000 14210000 61626364",
		want: row{"tcp_checksum_status": "5"},
	},
	{
		name: "partial as Windows leaves it", link: pcapio.LinkIPv4,
		hex:  "4500002c 00070000 40060000 0a000001 0a000002 00010002 00000000 00000000 50022000 14090000 61626364",
		want: row{"tcp_checksum_status": "5"},
	},
	{
		name: "a first fragment cannot be verified", link: pcapio.LinkIPv4,
		hex:  "4500002c 00072000 40060000 0a000001 0a000002 00010002 00000000 00000000 50022000 12340000 61626364",
		want: row{"tcp_checksum": "4660", "tcp_checksum_status": ""},
	},
	{
		name: "nor what the capture cut", link: pcapio.LinkEthernet,
		ls:   ls{eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP), &layers.TCP{SrcPort: 1, DstPort: 2, SYN: true}, gopacket.Payload("abcd")},
		cut:  14 + 20 + 20 + 2,
		want: row{"ip_checksum_status": "1", "tcp_checksum_status": ""},
	},
	{
		name: "a datagram need not fill the IP packet", link: pcapio.LinkIPv4,
		hex:  "45000020 00070000 40110000 0a000001 0a000002 0001 0002 000a 8a72 6162 ffff",
		want: row{"udp_checksum_status": "1"},
	},
	{
		name: "UDP without a checksum", link: pcapio.LinkIPv4,
		hex:  "4500001c 00070000 40110000 0a000001 0a000002 0001 0002 0008 0000",
		want: row{"udp_checksum": "0", "udp_checksum_status": "3"},
	},
	{
		name: "ICMP", link: pcapio.LinkEthernet,
		ls:   ls{eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: 0x800, Id: 1}, gopacket.Payload("odd")},
		want: row{"icmp_checksum_status": "1"},
	},
	{
		name: "ICMPv6 is covered with the addresses", link: pcapio.LinkEthernet,
		ls:   ls{eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: 0x8000}, &layers.ICMPv6Echo{Identifier: 1}, gopacket.Payload("odd")},
		want: row{"icmpv6_checksum_status": "1"},
	},
	{
		name: "IGMP", link: pcapio.LinkIPv4,
		hex:  "4500001c 00070000 01020000 0a000001 e0000005 1600 09fa e0000005",
		want: row{"igmp_checksum_status": "1"},
	},
	{
		// ...0002 is where the packet is, ...0003 where it goes.
		name: "IPv6 on a source route", link: pcapio.LinkIPv6,
		hex: `60000000 0020 2b 40 20010db8000000000000000000000001 20010db8000000000000000000000002
			11 02 00 01 00000000 20010db8000000000000000000000003   0001 0002 0008 a465`,
		want: row{"udp_checksum_status": "1"},
	},
	{
		name: "IPv4 on a source route", link: pcapio.LinkIPv4,
		hex:  "4700 0024 00070000 40110000 0a000001 0a000002 83 07 04 0a000003 00  0001 0002 0008 ebd7",
		want: row{"udp_checksum_status": "1"},
	},
	{
		name: "a mobile node's home address", link: pcapio.LinkIPv6,
		hex: `60000000 0020 3c 40 20010db8000000000000000000000001 20010db8000000000000000000000003
			11 02 01 02 0000 c9 10 20010db8000000000000000000000009   0001 0002 0008 a45d`,
		want: row{"udp_checksum_status": "1"},
	},
}

// The sum of many bytes at a time is that of RFC 1071's loop.
func TestOnesSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32()) | byte(n%2*0xff) // every other length: all ones
		}
		var sum uint32
		for i := 0; i < n; i++ {
			sum += uint32(b[i]) << (8 * (1 - i%2))
			sum = sum>>16 + sum&0xffff
		}
		if got := onesSum(b); got != uint16(sum) {
			t.Fatalf("%d bytes: %#x, want %#x", n, got, sum)
		}
	}
}
