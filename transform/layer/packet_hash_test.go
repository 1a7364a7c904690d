package layer

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/flow"
)

// A packet's hash is the same behind another link header and, but for the
// TTL's byte, behind a router; any other bit makes another hash.
func TestPacketHash(t *testing.T) {
	hash := func(link pcapio.LinkType, data []byte) uint64 {
		var d flow.Digest
		NewTable(Options{}).Append(&pcapio.Packet{Data: data, WireLen: uint32(len(data)), LinkType: link}, 0, &d)
		return d.Hash
	}
	long := build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload(many(600)))
	for _, frame := range [][]byte{
		build(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 2000}),
		build(t, eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolUDP), &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload(many(9))),
		long,
	} {
		want := hash(pcapio.LinkEthernet, frame)
		if want == 0 {
			t.Fatal("no hash")
		}
		if got := hash(pcapio.LinkRaw, frame[14:]); got != want {
			t.Errorf("without Ethernet: %x, with: %x", got, want)
		}
		if got := hash(pcapio.LinkEthernet, append(append([]byte{}, frame...), 0, 0, 0)); got != want {
			t.Errorf("with padding: %x, without: %x", got, want)
		}
		ttl := 14 + 8
		if frame[14]>>4 == 4 {
			frame = frame[:14+int(be.Uint16(frame[16:]))] // without Ethernet's padding
		}
		if frame[14]>>4 == 6 {
			ttl = 14 + 7
		}
		for i := 14; i < len(frame); i++ {
			if i >= 14+hashedFront && i < len(frame)-hashedBack {
				continue // the middle of a long packet
			}
			changed := append([]byte{}, frame...)
			changed[i] ^= 0x04
			got := packetHash(changed[14:])
			switch {
			case i == ttl && (got>>8 != want>>8 || got == want):
				t.Errorf("another TTL: %x, %x", got, want)
			case i != ttl && !(frame[14]>>4 == 4 && (i == 24 || i == 25)) && got>>8 == want>>8:
				t.Errorf("byte %d does not count", i)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { packetHash(long[14:]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func many(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func BenchmarkPacketHash(b *testing.B) {
	data := make([]byte, 1500)
	data[0] = 0x45
	b.SetBytes(1500)
	for b.Loop() {
		packetHash(data)
	}
}
