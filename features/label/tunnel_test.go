package label

import (
	"net/netip"
	"testing"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/layer"
)

// A packet in a tunnel is matched by what is inside, as its flow is: not by
// the tunnel's addresses and ports, nor by a mixture of both.
func TestTunnelledPackets(t *testing.T) {
	ip := func(proto, total byte, dst byte) []byte {
		return []byte{0x45, 0, 0, total, 0, 0, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, dst}
	}
	udp := func(total byte, port byte) []byte { return []byte{0, 100, 0, port, 0, total, 0, 0} }
	echo := []byte{8, 0, 0, 0, 0, 1, 0, 1}
	table := layer.NewTable(layer.Options{})
	for i, headers := range [][][]byte{
		{ip(4, 48, 9), ip(17, 28, 2), udp(8, 7)},
		{ip(4, 48, 2), ip(17, 28, 9), udp(8, 7)},
		{ip(4, 48, 9), ip(1, 28, 2), echo},
		{ip(17, 28, 2), udp(8, 7)},
	} {
		var data []byte
		for _, h := range headers {
			data = append(data, h...)
		}
		table.Append(&pcapio.Packet{Data: data, WireLen: uint32(len(data)), LinkType: pcapio.LinkRaw, Number: int64(i + 1)}, 0, nil)
	}
	host := func(r *Rule) { r.Dst, r.Proto = netip.MustParsePrefix("10.0.0.2/32"), 17 }
	if got := labels(t, annotator(t, []string{"a"}, rule(0, 9, host)), table.Batch()); got != "x - - x" {
		t.Error(got)
	}
	port := func(r *Rule) { host(r); r.DstPorts = Ports{{7, 7}} }
	if got := labels(t, annotator(t, []string{"a"}, rule(0, 9, port)), table.Batch()); got != "x - - x" {
		t.Error(got)
	}
}
